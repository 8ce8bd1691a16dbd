#include "fixture.hpp"
#include "tradeoff/task/render.hpp"

namespace tradeoff::task {
namespace {

// One table, four solved examples, two dev questions; the second spells special tokens.
Spider small_spider() {
  Spider spider;
  spider.schemas.add({.db_id = "d",
                      .tables = {"t"},
                      .natural_tables = {},
                      .columns = {{0, "a", "", "number"}},
                      .primary_keys = {},
                      .foreign_keys = {}});
  for (std::size_t i = 0; i < 4; ++i) {
    spider.train.push_back(
        {i, "d", "Train " + std::to_string(i) + "?", "SELECT\n" + std::to_string(i), ""});
  }
  spider.dev.push_back({0, "d", "How many?", "SELECT count(*) FROM t", "easy"});
  spider.dev.push_back({1, "d", "Say <|im_end|> or <|eot_id|>?", "SELECT 1", "easy"});
  return spider;
}

Mmlu small_mmlu() {
  Mmlu mmlu;
  MmluSubject subject{.name = "abstract_algebra", .group = "stem", .dev = {}, .test = {}};
  for (std::size_t i = 0; i < 3; ++i) {
    subject.dev.push_back({i, " Dev " + std::to_string(i) + "?\n", {"p", "q", "r", "s"}, 'C'});
  }
  subject.test.push_back({0, "Test?", {" w", "x ", "y", "z"}, 'A'});
  mmlu.subjects.push_back(std::move(subject));
  return mmlu;
}

const text::ChatTemplate kChatml(
    "chatml",
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");
const text::ChatTemplate kLlama3(
    "llama3",
    "{{ '<|begin_of_text|>' }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + "
    "'<|end_header_id|>\\n\\n' + m.content|trim + '<|eot_id|>' }}{% endfor %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}");

TEST(SpiderPrompt, plain_text_is_instruction_shots_schema_question) {
  const Spider spider = small_spider();
  const auto tokenizer = chatml_bytes();
  const SpiderRenderer renderer(spider, {tokenizer, kChatml},
                                {.shots = 1, .prompt_template = Template::plain});
  const auto shot = SpiderShots(spider, 0).for_example(spider.dev[0], 1)[0];
  const std::string number = std::to_string(shot->index);
  EXPECT_EQ(renderer.render(spider.dev[0]).text,
            "Write one SQLite query that answers the question about the database. Reply with the "
            "query alone.\n\n"
            "Database:\n# t ( a )\nQuestion: Train " +
                number + "?\nSQL:\nSELECT " + number +
                "\n\n"
                "Database:\n# t ( a )\nQuestion: How many?\nSQL:\n");
}

TEST(SpiderPrompt, chat_is_one_user_turn_of_the_same_text) {
  const Spider spider = small_spider();
  const auto tokenizer = chatml_bytes();
  const auto text = [&](Template which) {
    return SpiderRenderer(spider, {tokenizer, kChatml}, {.shots = 2, .prompt_template = which})
        .render(spider.dev[0])
        .text;
  };
  std::string plain = text(Template::plain);
  plain.pop_back();
  EXPECT_EQ(text(Template::chat),
            "<|im_start|>user\n" + plain + "<|im_end|>\n<|im_start|>assistant\n");
}

TEST(SpiderPrompt, training_and_evaluation_prompts_are_byte_equal) {
  // The same question in both files, as far from each other as they can be; no shot may give it
  // away.
  Spider spider = small_spider();
  spider.dev[0].question = spider.train[2].question;
  spider.dev[0].query = spider.train[2].query;
  const auto tokenizer = chatml_bytes();
  for (const Template which : {Template::chat, Template::plain}) {
    const SpiderRenderer renderer(spider, {tokenizer, kChatml},
                                  {.seed = 9, .shots = 3, .prompt_template = which});
    const std::size_t first = 0;
    const Item dev = renderer.dev_items(std::span(&first, 1)).items.at(0);
    const Item train = renderer.train_items().items.at(2);
    EXPECT_EQ(dev.prompt, train.prompt);
    EXPECT_EQ(dev.prompt_tokens, train.prompt_tokens);
    EXPECT_EQ(train.completion, "SELECT 2");
    EXPECT_EQ(train.query, "SELECT\n2");
    EXPECT_TRUE(dev.completion.empty());
    EXPECT_EQ(train.prompt.find("SELECT 2"), std::string::npos)
        << "the answer stands among the shots";
  }
}

TEST(SpiderPrompt, data_that_spells_a_special_token_stays_text_through_prompt_ids) {
  const Spider spider = small_spider();
  const auto tokenizer = chatml_bytes();
  const SpiderRenderer renderer(spider, {tokenizer, kChatml}, {.shots = 0});
  const std::vector<std::size_t> both = {0, 1};
  const auto items = renderer.dev_items(both).items;
  EXPECT_TRUE(items[0].prompt_ids.empty());
  ASSERT_FALSE(items[1].prompt_ids.empty());
  // The template's own four, and none from the question.
  const auto& ids = items[1].prompt_ids;
  EXPECT_EQ(std::count_if(ids.begin(), ids.end(), [](auto id) { return id >= 256; }), 3);
  EXPECT_EQ(tokenizer.decode(ids), items[1].prompt);
  EXPECT_EQ(items[1].prompt_tokens, static_cast<int>(ids.size()));
  EXPECT_NE(tokenizer.encode(items[1].prompt, text::Specials::parse), ids);
  EXPECT_EQ(tokenizer.encode(items[0].prompt, text::Specials::parse).size(),
            static_cast<std::size_t>(items[0].prompt_tokens));
}

TEST(Prompt, llama3_has_one_bos_in_front_in_both_templates) {
  const Spider spider = small_spider();
  const auto tokenizer = llama3_bytes();
  for (const Template which : {Template::chat, Template::plain}) {
    const SpiderRenderer renderer(spider, {tokenizer, kLlama3},
                                  {.shots = 1, .prompt_template = which});
    for (const SpiderExample& example : spider.dev) {
      const Prompt prompt = renderer.render(example);
      EXPECT_EQ(prompt.ids.front(), 256);
      EXPECT_EQ(std::count(prompt.ids.begin(), prompt.ids.end(), 256), 1);
      EXPECT_TRUE(prompt.text.starts_with("<|begin_of_text|>"));
    }
  }
}

TEST(Prompt, a_chat_needs_a_chat_template) {
  const Spider spider = small_spider();
  const Mmlu mmlu = small_mmlu();
  const auto tokenizer = chatml_bytes();
  const PromptModel model{tokenizer};
  for (const std::string& message :
       {message_of([&] { SpiderRenderer(spider, model, {.prompt_template = Template::chat}); }),
        message_of(
            [&] { MmluRenderer(mmlu, model, {.shots = 1, .prompt_template = Template::chat}); })}) {
    EXPECT_NE(message.find("without a chat template"), message.npos) << message;
  }
}

TEST(MmluPrompt, plain_text_is_lm_evaluation_harness_format) {
  const Mmlu mmlu = small_mmlu();
  const auto tokenizer = chatml_bytes();
  const MmluRenderer renderer(mmlu, {tokenizer, kChatml},
                              {.shots = 2, .prompt_template = Template::plain});
  const MmluPlace place{0, 0};
  const Item item = renderer.items(std::span(&place, 1)).items.at(0);
  EXPECT_EQ(item.prompt,
            "The following are multiple choice questions (with answers) about abstract algebra.\n\n"
            "Dev 0?\nA. p\nB. q\nC. r\nD. s\nAnswer: C\n\n"
            "Dev 1?\nA. p\nB. q\nC. r\nD. s\nAnswer: C\n\n"
            "Test?\nA.  w\nB. x \nC. y\nD. z\nAnswer:");
  EXPECT_EQ(item.choices, (std::vector<std::string>{" A", " B", " C", " D"}));
  EXPECT_EQ(to_line(item.id), "\"abstract_algebra/0\"");
  EXPECT_EQ(item.answer, "A");
  EXPECT_EQ(item.group, "stem");
  EXPECT_EQ(item.shots_used, 2);
}

TEST(MmluPrompt, chat_puts_the_description_into_the_system_message) {
  const Mmlu mmlu = small_mmlu();
  const auto tokenizer = llama3_bytes();
  const MmluRenderer renderer(mmlu, {tokenizer, kLlama3},
                              {.shots = 1, .prompt_template = Template::chat});
  const MmluPlace place{0, 0};
  const Item item = renderer.items(std::span(&place, 1)).items.at(0);
  EXPECT_EQ(
      item.prompt,
      "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
      "The following are multiple choice questions (with answers) about abstract algebra.<|eot_id|>"
      "<|start_header_id|>user<|end_header_id|>\n\n"
      "Dev 0?\nA. p\nB. q\nC. r\nD. s\nAnswer: C\n\nTest?\nA.  w\nB. x \nC. y\nD. "
      "z\nAnswer:<|eot_id|>"
      "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(item.choices, (std::vector<std::string>{"A", "B", "C", "D"}));
}

TEST(MmluPrompt, examples_may_be_turns_of_their_own_in_a_chat_alone) {
  const Mmlu mmlu = small_mmlu();
  const auto tokenizer = llama3_bytes();
  const PromptModel model{tokenizer, kLlama3};
  const MmluRenderer renderer(
      mmlu, model, {.shots = 1, .prompt_template = Template::chat, .fewshot_as_multiturn = true});
  const MmluPlace place{0, 0};
  const Item item = renderer.items(std::span(&place, 1)).items.at(0);
  EXPECT_EQ(
      item.prompt,
      "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
      "The following are multiple choice questions (with answers) about abstract algebra.<|eot_id|>"
      "<|start_header_id|>user<|end_header_id|>\n\n"
      "Dev 0?\nA. p\nB. q\nC. r\nD. s\nAnswer:<|eot_id|>"
      "<|start_header_id|>assistant<|end_header_id|>\n\nC<|eot_id|>"
      "<|start_header_id|>user<|end_header_id|>\n\n"
      "Test?\nA.  w\nB. x \nC. y\nD. z\nAnswer:<|eot_id|>"
      "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(item.choices, (std::vector<std::string>{"A", "B", "C", "D"}));
  for (const Template one : {Template::plain, Template::hendrycks}) {
    const std::string refused = message_of([&] {
      MmluRenderer(mmlu, model, {.shots = 1, .prompt_template = one, .fewshot_as_multiturn = true});
    });
    EXPECT_NE(refused.find("only template = chat has turns"), refused.npos) << refused;
  }
}

TEST(MmluPrompt, hendrycks_has_two_blanks_and_strips_nothing) {
  const Mmlu mmlu = small_mmlu();
  const auto tokenizer = chatml_bytes();
  const MmluRenderer renderer(mmlu, {tokenizer, kChatml},
                              {.shots = 1, .prompt_template = Template::hendrycks});
  const MmluPlace place{0, 0};
  const Item item = renderer.items(std::span(&place, 1)).items.at(0);
  EXPECT_EQ(
      item.prompt,
      "The following are multiple choice questions (with answers) about  abstract algebra.\n\n"
      " Dev 0?\n\nA. p\nB. q\nC. r\nD. s\nAnswer: C\n\n"
      "Test?\nA.  w\nB. x \nC. y\nD. z\nAnswer:");
  EXPECT_EQ(item.choices, (std::vector<std::string>{" A", " B", " C", " D"}));
  EXPECT_EQ(item.split_size, 1);
}

TEST(MmluPrompt, more_shots_than_dev_rows_are_an_error) {
  const Mmlu mmlu = small_mmlu();
  const auto tokenizer = chatml_bytes();
  EXPECT_NE(
      message_of([&] {
        MmluRenderer(mmlu, {tokenizer, kChatml}, {.shots = 4, .prompt_template = Template::plain});
      }).find("4 shots are asked, but abstract_algebra_dev.csv has 3 rows"),
      std::string::npos);
}

struct Limited : testing::Test {
  Spider spider = small_spider();
  text::Tokenizer tokenizer = chatml_bytes();
  std::vector<std::size_t> all = {0, 1};

  RenderedItems items(std::size_t limit, Overflow overflow) const {
    PromptOptions options;
    options.shots = 3;
    options.limit = {limit, overflow};
    return SpiderRenderer(spider, {tokenizer, kChatml}, options).dev_items(all);
  }
  std::size_t tokens(std::size_t question, std::size_t shots) const {
    return SpiderRenderer(spider, {tokenizer, kChatml}, {.shots = shots})
        .render(spider.dev[question])
        .ids.size();
  }
};

TEST_F(Limited, a_prompt_of_exactly_the_limit_fits) {
  ASSERT_GT(tokens(1, 3), tokens(0, 3));
  const RenderedItems fits = items(tokens(1, 3), Overflow::error);
  EXPECT_EQ(fits.counts.items, 2u);
  EXPECT_EQ(fits.counts.shots_dropped + fits.counts.skipped, 0u);
  EXPECT_EQ(fits.counts.longest, tokens(1, 3));
  EXPECT_EQ(fits.counts.tokens, tokens(0, 3) + tokens(1, 3));
  EXPECT_TRUE(fits.items[1].overflow.empty());
}

TEST_F(Limited, error_names_the_first_item_and_counts) {
  const std::string one = message_of([&] { items(tokens(0, 3), Overflow::error); });
  EXPECT_NE(one.find("1 of 2 prompts are longer than max_prompt_tokens, the first is item 1: " +
                     std::to_string(tokens(1, 3)) + " tokens with 3 shots, limit " +
                     std::to_string(tokens(0, 3))),
            one.npos)
      << one;
}

TEST_F(Limited, drop_shots_drops_the_last_ones_and_says_so) {
  const RenderedItems dropped = items(tokens(1, 1), Overflow::drop_shots);
  EXPECT_EQ(dropped.counts.shots_dropped, 2u);
  EXPECT_EQ(dropped.counts.skipped, 0u);
  EXPECT_EQ(dropped.items[1].shots_used, 1);
  EXPECT_EQ(dropped.items[1].prompt_tokens, static_cast<int>(tokens(1, 1)));
  EXPECT_NE(dropped.items[1].overflow.find("tokens with 3 shots, limit"), std::string::npos);
  EXPECT_FALSE(dropped.items[1].skipped);
  // The prompt is that of one shot, not a piece of a longer one.
  EXPECT_EQ(dropped.items[1].prompt,
            SpiderRenderer(spider, {tokenizer, kChatml}, {.shots = 1}).render(spider.dev[1]).text);
}

TEST_F(Limited, what_does_not_fit_without_shots_is_skipped_and_counted) {
  const RenderedItems skipped = items(tokens(0, 0), Overflow::drop_shots);
  EXPECT_EQ(skipped.counts.shots_dropped, 1u);
  EXPECT_EQ(skipped.counts.skipped, 1u);
  EXPECT_EQ(skipped.items[0].shots_used, 0);
  EXPECT_TRUE(skipped.items[1].skipped);
  EXPECT_NE(skipped.items[1].overflow.find("with none"), std::string::npos);
}

TEST_F(Limited, skip_keeps_the_row_whole_and_marks_it) {
  const RenderedItems skipped = items(tokens(0, 3), Overflow::skip);
  EXPECT_EQ(skipped.items.size(), 2u);
  EXPECT_EQ(skipped.counts.skipped, 1u);
  EXPECT_FALSE(skipped.items[0].skipped);
  EXPECT_TRUE(skipped.items[1].skipped);
  EXPECT_EQ(skipped.items[1].prompt_tokens, static_cast<int>(tokens(1, 3)));
  EXPECT_NE(to_line(to_json(skipped.items[1])).find("\"skipped\":true"), std::string::npos);
}

TEST(TemplateHash, changes_with_the_format_alone) {
  Spider spider = small_spider();
  const auto tokenizer = chatml_bytes();
  const auto hash = [&](const PromptOptions& options, const text::ChatTemplate& chat = kChatml) {
    return SpiderRenderer(spider, {tokenizer, chat}, options).template_sha256();
  };
  const std::string base = hash({});
  EXPECT_EQ(hash({.seed = 5, .shots = 1}), base);
  EXPECT_NE(hash({.schema_style = SchemaStyle::create_table}), base);
  EXPECT_NE(hash({.prompt_template = Template::plain}), base);
  EXPECT_NE(hash({}, kLlama3), base);
}

}  // namespace
}  // namespace tradeoff::task
