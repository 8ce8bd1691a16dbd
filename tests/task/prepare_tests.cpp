#include "fixture.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/task/prepare.hpp"
#include "tradeoff/task/spider.hpp"

namespace tradeoff::task {
namespace {

namespace fs = std::filesystem;

// A model folder with no model in it: a byte tokenizer and a ChatML template.
struct Prepare : TaskFiles {
  void SetUp() override {
    TaskFiles::SetUp();
    text::Vocabulary vocabulary = byte_vocabulary({"<|im_start|>", "<|im_end|>"});
    vocabulary.chat_template =
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
        "message['content'] + '<|im_end|>' "
        "+ '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif "
        "%}";
    fs::create_directories(folder / "model");
    write_hf_tokenizer(vocabulary, folder / "model");
  }
  PrepareOptions options_of(const char* task, const std::string& out) const {
    PrepareOptions options = prepare_options(*find_task(task));
    options.source.data = kData / task;
    options.model = folder / "model";
    options.output_dir = folder / out;
    return options;
  }
  PrepareOptions spider(const std::string& out) const {
    PrepareOptions options = options_of("spider", out);
    options.draw.limit = 40;
    return options;
  }
};

TEST_F(Prepare, equal_options_give_equal_bytes_and_another_seed_other_shots) {
  const Prepared first = prepare(spider("a")), again = prepare(spider("b"));
  PrepareOptions other = spider("c");
  other.prompt.seed = 1;
  const Prepared reseeded = prepare(other);
  ASSERT_EQ(first.files.size(), 2u);
  for (const std::size_t f : {0u, 1u}) {
    EXPECT_EQ(read_text(first.files[f].path), read_text(again.files[f].path));
    EXPECT_EQ(first.files[f].file_sha256, again.files[f].file_sha256);
    EXPECT_EQ(first.files[f].prompts_sha256, again.files[f].prompts_sha256);
    EXPECT_NE(first.files[f].prompts_sha256, reseeded.files[f].prompts_sha256);
    EXPECT_EQ(first.files[f].counts.items, 40u);
  }
  EXPECT_EQ(first.data_sha256, reseeded.data_sha256);
  EXPECT_EQ(first.template_sha256, reseeded.template_sha256);
  EXPECT_EQ(first.to_json()["files"]["dev_formatted.jsonl"]["items"], 40);
}

TEST_F(Prepare, spider_rows_hold_what_the_contract_names_and_read_back) {
  PrepareOptions options = spider("out");
  options.draw = {.data_seed = 0, .questions = 30};
  const Prepared prepared = prepare(options);
  const auto dev = read_items(folder / "out/dev_formatted.jsonl", Kind::sql);
  const auto train = read_training_items(folder / "out/train_formatted.jsonl");
  EXPECT_EQ(dev.size(), 30u);
  EXPECT_EQ(train.size(), 7000u);
  EXPECT_EQ(prepared.files[0].counts.items, 7000u);
  const Spider data = load_spider(kData / "spider");
  const auto indices = draw_spider(data, {.data_seed = 0, .questions = 30});
  for (std::size_t i = 0; i < dev.size(); ++i) {
    const SpiderExample& example = data.dev[indices[i]];
    EXPECT_EQ(dev[i].id, Json(example.index));
    EXPECT_EQ(dev[i].query, example.query);
    EXPECT_EQ(dev[i].db_id, example.db_id);
    EXPECT_EQ(dev[i].hardness, example.hardness);
    EXPECT_EQ(dev[i].schema, schema_text(data.schema_of(example), SchemaStyle::compact));
    EXPECT_EQ(dev[i].shots_used, 3);
    EXPECT_TRUE(dev[i].prompt.starts_with("<|im_start|>user\n"));
    EXPECT_TRUE(dev[i].prompt.ends_with("Question: " + example.question +
                                        "\nSQL:<|im_end|>\n<|im_start|>assistant\n"));
    EXPECT_TRUE(dev[i].prompt_ids.empty());
  }
  for (const Item& row : train) {
    ASSERT_FALSE(row.completion.empty());
    // A row is never its own shot: its answer does not stand in its prompt behind its own question.
    ASSERT_EQ(row.prompt.find("Question: " + row.question + "\nSQL:\n"), std::string::npos)
        << row.question;
  }
}

TEST_F(Prepare, mmlu_takes_all_groups_or_a_stratified_draw) {
  PrepareOptions options = options_of("mmlu", "out");
  EXPECT_EQ(prepare(options).files[0].counts.items, 14042u);
  options.draw = options.task.draw;
  const Prepared drawn = prepare(options);
  const auto items = read_items(folder / "out/mmlu.jsonl", Kind::choice);
  EXPECT_EQ(items.size(), 150u);
  EXPECT_EQ(items[0].choices[3], " D");
  EXPECT_EQ(drawn.files[0].counts.items, 150u);
}

TEST_F(Prepare, nothing_is_written_where_a_prompt_is_too_long) {
  PrepareOptions options = spider("out");
  options.prompt.limit.max_prompt_tokens = 100;
  const std::string message = message_of([&] { prepare(options); });
  EXPECT_NE(message.find("40 of 40 prompts are longer than max_prompt_tokens, the first is item 0"),
            message.npos)
      << message;
  EXPECT_FALSE(fs::exists(folder / "out"));
  options.prompt.limit.overflow = Overflow::skip;
  const Prepared skipped = prepare(options);
  EXPECT_EQ(skipped.files[1].counts.skipped, 40u);
  EXPECT_EQ(read_items(folder / "out/dev_formatted.jsonl", Kind::sql).size(), 40u);
}

TEST_F(Prepare, plain_prompts_need_no_chat_template_that_can_be_read) {
  std::ofstream(folder / "model/chat_template.jinja") << "{% include 'other' %}";
  PrepareOptions options = options_of("mmlu", "out");
  options.draw = options.task.draw;
  options.prompt.prompt_template = Template::plain;
  EXPECT_EQ(prepare(options).files[0].counts.items, 150u);
  options.prompt.prompt_template = Template::chat;
  const std::string message = message_of([&] { prepare(options); });
  EXPECT_NE(message.find("line 1: found {% include %}"), message.npos) << message;
}

TEST_F(Prepare, a_folder_without_a_tokenizer_is_named) {
  PrepareOptions options = spider("out");
  options.model = folder / "nothing";
  const std::string message = message_of([&] { prepare(options); });
  EXPECT_NE(message.find("nothing"), message.npos) << message;
}

}  // namespace
}  // namespace tradeoff::task
