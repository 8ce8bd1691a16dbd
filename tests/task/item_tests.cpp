#include <optional>

#include "fixture.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/task/item.hpp"

namespace tradeoff::task {
namespace {

struct Items : TaskFiles {
  // Without a kind: as training rows.
  std::string error_of(const std::string& text, std::optional<Kind> kind) const {
    const auto path = file("items.jsonl", text);
    return message_of([&] { kind ? read_items(path, *kind) : read_training_items(path); });
  }
  void expect_error(const std::string& text, std::optional<Kind> kind,
                    const std::string& part) const {
    const std::string message = error_of(text, kind);
    EXPECT_NE(message.find(part), message.npos) << message;
    EXPECT_NE(message.find("items.jsonl"), message.npos) << message;
  }
};

constexpr auto kChoices = R"("choices":[" A"," B"," C"," D"])";

TEST_F(Items, id_and_prompt_are_enough_and_ids_keep_their_type) {
  const auto items = read_items(
      file("a.jsonl",
           "{\"id\":7,\"prompt\":\"p\"}\n\n{\"id\":\"x-1\",\"prompt_ids\":[1,2],\"extra\":{}}\n"),
      Kind::sql);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(to_line(items[0].id), "7");
  EXPECT_EQ(to_line(items[1].id), "\"x-1\"");
  EXPECT_EQ(items[1].prompt_ids, (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(id_text(items[0].id), "7");
}

TEST_F(Items, rows_survive_writing_and_reading) {
  Item item;
  item.id = "q/3";
  item.prompt = "SELECT \xC3\xA4\n";
  item.prompt_ids = {5, 6};
  item.completion = "SELECT 1";
  item.db_id = "db";
  item.question = "Q?";
  item.query = "SELECT 1";
  item.schema = "# t ( a )";
  item.hardness = "easy";
  item.prompt_tokens = 2;
  item.shots_used = 0;
  item.overflow = "603 tokens with 3 shots, limit 512";
  item.skipped = true;
  const auto path = folder / "rows.jsonl";
  write_items(path, std::span(&item, 1));
  const auto read = read_training_items(path);
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(to_line(to_json(read[0])), to_line(to_json(item)));
  EXPECT_TRUE(read[0].skipped);
  EXPECT_EQ(read_text(path), to_line(to_json(item)) + "\n");
}

TEST_F(Items, malformed_rows_name_file_line_found_and_expected) {
  const std::string ok = "{\"id\":1,\"prompt\":\"p\"}\n";
  expect_error(ok + "{\"prompt\":\"p\"}\n", Kind::sql, "items.jsonl:2: missing key \"id\"");
  expect_error(ok + "{\"id\":2}\n", Kind::sql, "items.jsonl:2: missing key \"prompt\"");
  expect_error(ok + "{\"id\":2,\"prompt\":\"\"}\n", Kind::sql, ":2: key \"prompt\" is empty");
  expect_error(ok + "{\"id\":2,\"prompt\":5}\n", Kind::sql, "found 5, expected a string");
  expect_error(ok + "{\"id\":2.5,\"prompt\":\"p\"}\n", Kind::sql,
               "expected a string or an integer");
  expect_error(ok + "\n{\"id\":\"1\",\"prompt\":\"p\"}\n", Kind::sql,
               ":3: id \"1\" occurs a second time (first in line 1)");
  expect_error(ok + "{\"id\":2,\n", Kind::sql, "items.jsonl:2:");
  expect_error("[1]\n", Kind::sql, "expected a JSON object");
  expect_error("{\"id\":2,\"prompt_ids\":[]}\n", Kind::sql, "at least one token id");
  expect_error("{\"id\":2,\"prompt_ids\":[3,-1]}\n", Kind::sql, "entry 1 is -1");
  expect_error("{\"id\":2,\"prompt\":\"p\"}\n", std::nullopt, "missing key \"completion\"");
}

TEST_F(Items, no_item_is_an_error) {
  expect_error("", Kind::sql, "found no items, expected at least one");
  expect_error("\n \n", Kind::choice, "found no items");
}

TEST_F(Items, multiple_choice_needs_two_to_ten_choices_and_a_letter) {
  const std::string head = "{\"id\":1,\"prompt\":\"p\",";
  EXPECT_EQ(error_of(head + kChoices + "}\n", Kind::choice), "(no error)");
  EXPECT_EQ(error_of(head + kChoices + ",\"answer\":\"D\"}\n", Kind::choice), "(no error)");
  expect_error(head + "\"answer\":\"A\"}\n", Kind::choice, ":1: missing key \"choices\"");
  expect_error(head + "\"choices\":\"ABCD\"}\n", Kind::choice, "key \"choices\"");
  expect_error(head + "\"choices\":[\"A\"]}\n", Kind::choice, "expected 2 to 10 different strings");
  expect_error(head + "\"choices\":[\"A\",\"B\",\"C\",\"A\"]}\n", Kind::choice,
               "expected 2 to 10 different strings");
  expect_error(head + kChoices + ",\"answer\":\"E\"}\n", Kind::choice,
               "found \"E\", expected a letter from A to D");
  expect_error(head + kChoices + ",\"answer\":2}\n", Kind::choice, "found 2, expected a string");
}

}  // namespace
}  // namespace tradeoff::task
