// Tasks of one's own: the example that the README shows, and what is refused.
#include <algorithm>

#include "fixture.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/task/own.hpp"

namespace tradeoff::task {
namespace {

namespace fs = std::filesystem;

const fs::path kExample = fs::path(TRADEOFF_SOURCE_DIR) / "jobs" / "own";

std::vector<Item> items_of(const Task& task, const Draw& draw = {}) {
  const text::Tokenizer tokenizer = chatml_bytes();
  PromptOptions options = task.prompt;
  options.prompt_template = Template::plain;
  return task.read({}, draw).items({.tokenizer = tokenizer}, options).items;
}

OwnData library() {
  return {.kind = Kind::sql,
          .items = kExample / "library.jsonl",
          .databases = kExample / "databases",
          .group = "topic"};
}

struct Own : TaskFiles {
  std::string error_of(const OwnData& data) const {
    return message_of([&] { items_of(own_task("mine", data)); });
  }
};
#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(Own, the_example_asks_ten_questions_of_a_database_whose_schema_it_reads) {
  const auto items = items_of(own_task("library", library()));
  ASSERT_EQ(items.size(), 10u);
  EXPECT_EQ(items[0].db_id, "library");
  EXPECT_EQ(items[0].label, "books");
  EXPECT_HAS(items[0].schema, "# authors ( id, name, country )");
  EXPECT_HAS(items[0].schema, "# books ( id, title, author_id, pages, published )");
  EXPECT_HAS(items[0].schema, "books.author_id = authors.id");
  EXPECT_EQ(items[0].hardness, "");
  EXPECT_EQ(items[3].also_right.size(), 1u);
}

TEST_F(Own, questions_may_stand_in_csv_and_in_a_json_list) {
  OwnData data = library();
  data.group = "";
  data.items = file("q.csv", "id,db_id,question,query\nx,library,\"How many, in all?\",SELECT 1\n");
  const auto csv = items_of(own_task("mine", data));
  ASSERT_EQ(csv.size(), 1u);
  EXPECT_EQ(csv[0].id, Json("x"));
  EXPECT_EQ(csv[0].question, "How many, in all?");
  data.items = file("q.json", R"([{"db_id": "library", "question": "Q", "query": "SELECT 1"}])");
  EXPECT_EQ(items_of(own_task("mine", data))[0].id, Json("0"));
}

TEST_F(Own, choices_may_be_two_to_ten_and_groups_are_subjects) {
  OwnData data{.kind = Kind::choice, .shots = 1, .group = "topic"};
  data.items =
      file("q.jsonl",
           R"({"id": 7, "topic": "sums", "question": "1+1?", "choices": ["1","2"], "answer": "B"})"
           "\n"
           R"({"topic": "sums", "question": "2+2?", "choices": ["1","2","3","4","5"], "answer": 3})"
           "\n");
  data.train = file("t.csv", "question,A,B,C,answer,topic\n0+1?,0,1,2,B,sums\n");
  const auto items = items_of(own_task("mine", data));
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].id, Json("7"));
  EXPECT_EQ(items[0].subject, "sums");
  EXPECT_EQ(items[0].choices, (std::vector<std::string>{" A", " B"}));
  EXPECT_EQ(items[1].answer, "D");
  EXPECT_HAS(items[1].prompt,
             "(with answers) about sums.\n\n0+1?\nA. 0\nB. 1\nC. 2\nAnswer: B\n\n"
             "2+2?\nA. 1\nB. 2\nC. 3\nD. 4\nE. 5\nAnswer:");
}

TEST_F(Own, a_draw_is_of_the_data_seed_and_part_of_a_larger_one) {
  const Task task = own_task("library", library());
  const auto three = items_of(task, {.data_seed = 1, .questions = 3});
  const auto six = items_of(task, {.data_seed = 1, .questions = 6});
  ASSERT_EQ(three.size(), 3u);
  for (const Item& item : three)
    EXPECT_TRUE(std::ranges::any_of(six, [&](const Item& other) { return other.id == item.id; }));
}

TEST_F(Own, what_is_missing_or_not_understood_is_named) {
  OwnData data = library();
  data.databases.clear();
  EXPECT_HAS(error_of(data), "[task.mine] databases: missing");
  data = library();
  data.shots = 2;
  EXPECT_HAS(error_of(data), "[task.mine] train: missing; 2 solved examples are asked");
  data = library();
  data.items = file("q.txt", "x");
  EXPECT_HAS(error_of(data), "found the ending \".txt\", expected .jsonl, .csv or .json");
  data.items = file("q.jsonl", R"({"db_id": "nowhere", "question": "Q", "query": "SELECT 1"})");
  data.group = "";
  EXPECT_HAS(error_of(data), "nowhere.sqlite: no such file, but question 0");
  data.items = file("q.jsonl", R"({"db_id": "library", "question": " ", "query": "SELECT 1"})");
  EXPECT_HAS(error_of(data), "q.jsonl:1: key \"question\" is empty");
  data.items = file("q.jsonl", R"({"db_id": "library", "question": "Q", "query": []})");
  EXPECT_HAS(error_of(data), "key \"query\": expected at least one query");
  data.items = file("q.jsonl",
                    "{\"id\":1,\"db_id\":\"library\",\"question\":\"Q\",\"query\":\"S\"}\n"
                    "{\"id\":\"1\",\"db_id\":\"library\",\"question\":\"Q\",\"query\":\"S\"}\n");
  EXPECT_HAS(error_of(data), "q.jsonl:2: id 1 occurs a second time");
  OwnData choice{.kind = Kind::choice};
  choice.items = file("c.jsonl", R"({"question": "Q", "choices": ["a"], "answer": "A"})");
  EXPECT_HAS(error_of(choice), "c.jsonl:1: found 1 choices, expected 2 to 10");
  choice.items = file("c.jsonl", R"({"question": "Q", "choices": ["a", "b"], "answer": "C"})");
  EXPECT_HAS(error_of(choice), "expected a letter from A to B or a number from 0 to 1");
  choice.databases = "d";
  EXPECT_HAS(error_of(choice), "[task.mine] databases: is for kind = sql");
}

}  // namespace
}  // namespace tradeoff::task
