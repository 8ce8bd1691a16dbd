#include <fmt/format.h>

#include <set>

#include "fixture.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/sql/match/exact_match.hpp"
#include "tradeoff/task/draw.hpp"
#include "tradeoff/task/spider.hpp"

namespace tradeoff::task {
namespace {

constexpr auto kTables = R"([{"db_id":"d","table_names_original":["t","Odd Name"],
 "column_names_original":[[-1,"*"],[0,"id"],[0,"From"],[1,"ref"],[1,"18_49"]],
 "column_types":["text","number","text","number","others"],"primary_keys":[1],"foreign_keys":[[3,1]]}])";

// A folder in Spider's form that a test may spoil.
struct SpiderFolder : TaskFiles {
  void SetUp() override {
    TaskFiles::SetUp();
    file("tables.json", kTables);
    file("dev.json", R"([{"db_id":"d","question":"Q?","query":"SELECT 1"}])");
    file("train_spider.json", R"([{"db_id":"d","question":"T?","query":"SELECT 2"}])");
    file("database/d/d.sqlite", "");
  }
  void expect_error(const std::string& part) const {
    const std::string message = message_of([&] { load_spider(folder); });
    EXPECT_NE(message.find(part), message.npos) << message;
  }
};

TEST_F(SpiderFolder, a_missing_train_file_matters_to_shots_and_training_alone) {
  std::filesystem::remove(folder / "train_spider.json");
  const Spider spider = load_spider(folder);
  EXPECT_EQ(spider.dev.size(), 1u);
  EXPECT_TRUE(spider.train.empty());
  const SpiderShots shots(spider, 0);
  EXPECT_TRUE(shots.for_example(spider.dev[0], 0).empty());
  const std::string asked = message_of([&] { shots.for_example(spider.dev[0], 3); });
  EXPECT_NE(asked.find("train_spider.json: no such file, which is needed for 3 solved examples"),
            asked.npos)
      << asked;
  const std::string others =
      message_of([&] { load_spider(folder, SpiderFiles{.train_others = true}); });
  EXPECT_NE(others.find("train_spider.json: no such file"), others.npos) << others;
  // One that is there is read, whatever is asked.
  file("train_spider.json", "[]");
  expect_error("train_spider.json: expected a list of at least one question");
}

TEST(SpiderData, hardness_of_the_dev_set_is_the_published_split) {
  const Spider spider = load_spider(kData / "spider");
  ASSERT_EQ(spider.dev.size(), 1034u);
  ASSERT_EQ(spider.train.size(), 7000u);
  std::map<std::string, int> split;
  std::set<std::string> databases;
  for (const SpiderExample& example : spider.dev) {
    split[example.hardness] += 1;
    databases.insert(example.db_id);
  }
  EXPECT_EQ(split, (std::map<std::string, int>{
                       {"easy", 248}, {"medium", 446}, {"hard", 174}, {"extra", 166}}));
  EXPECT_EQ(databases.size(), 20u);
  // One gold query names a column that its tables do not have.
  std::vector<std::size_t> unknown;
  for (const SpiderExample& example : spider.train) {
    if (example.hardness.empty()) unknown.push_back(example.index);
  }
  EXPECT_EQ(unknown, (std::vector<std::size_t>{3153}));
  EXPECT_EQ(spider.schemas.all().size(), 166u);
}

TEST(Hardness, the_slips_of_the_official_rules_are_kept) {
  const sql::Schemas schemas(kData / "spider" / "tables.json");
  const sql::MatchSchema schema(*schemas.find("concert_singer"));
  const auto of = [&](const std::string& query) {
    const auto parsed = sql::MatchQuery::parse(schema, query);
    return parsed ? std::string(parsed->hardness()) : "not parsed";
  };
  EXPECT_EQ(of("SELECT name FROM singer"), "easy");
  EXPECT_EQ(of("SELECT name, count(*) FROM singer"), "medium");
  // One aggregate, and "not" counts as another: others is 1 where it should be 0.
  EXPECT_EQ(of("SELECT count(*) FROM singer WHERE age BETWEEN 1 AND 2"), "easy");
  EXPECT_EQ(of("SELECT count(*) FROM singer WHERE age NOT BETWEEN 1 AND 2"), "medium");
  // The connective of HAVING counts as an aggregate.
  EXPECT_EQ(of("SELECT count(*) FROM singer GROUP BY name HAVING age = 1"), "easy");
  EXPECT_EQ(of("SELECT count(*) FROM singer GROUP BY name HAVING age = 1 AND age = 2"), "medium");
  // A nested query alone is hard.
  EXPECT_EQ(of("SELECT name FROM singer WHERE age IN (SELECT age FROM singer)"), "hard");
}

TEST_F(SpiderFolder, schema_texts_quote_what_sqlite_cannot_read_bare) {
  const Spider spider = load_spider(folder);
  EXPECT_EQ(schema_text(*spider.schemas.find("d"), SchemaStyle::compact),
            "# t ( id, \"From\" )\n# \"Odd Name\" ( ref, \"18_49\" )\n# primary keys ( t.id )\n"
            "# foreign keys ( \"Odd Name\".ref = t.id )");
  EXPECT_EQ(schema_text(*spider.schemas.find("d"), SchemaStyle::create_table),
            "CREATE TABLE t (\n  id NUMBER,\n  \"From\" TEXT,\n  PRIMARY KEY (id)\n);\n"
            "CREATE TABLE \"Odd Name\" (\n  ref NUMBER,\n  \"18_49\",\n  FOREIGN KEY (ref) "
            "REFERENCES t(id)\n);");
}

TEST_F(SpiderFolder, bad_files_are_named_with_place_found_and_expected) {
  EXPECT_EQ(message_of([&] { load_spider(folder); }), "(no error)");
  file("dev.json",
       R"([{"db_id":"d","question":"Q?","query":"SELECT 1"},{"db_id":"d","query":"x"}])");
  expect_error("dev.json: question 1 (from 0): missing key \"question\"");
  file("dev.json", R"([{"db_id":"d","question":" ","query":"x"}])");
  expect_error("dev.json: question 0 (from 0): key \"question\" is empty");
  file("dev.json", R"([{"db_id":"other","question":"Q?","query":"x"}])");
  expect_error("dev.json: question 0 (from 0): db_id \"other\" is not in tables.json");
  file("dev.json", "[]");
  expect_error("dev.json: expected a list of at least one question");
  file("dev.json", "[{");
  expect_error("dev.json: not JSON");
  std::filesystem::remove(folder / "dev.json");
  expect_error("dev.json");
  std::filesystem::remove_all(folder / "database");
  SetUp();
  std::filesystem::remove(folder / "database/d/d.sqlite");
  expect_error("d.sqlite: no such file, but question 0 of dev.json is about it");
  file("tables.json",
       R"([{"db_id":"d","table_names_original":["t"],"column_names_original":[[-1,"*"],[3,"a"]],
    "column_types":["text","text"],"primary_keys":[],"foreign_keys":[]}])");
  expect_error("tables.json: entry 0 (\"d\"): column a: table index 3 of 1 tables");
  file("tables.json",
       R"([{"db_id":"d","table_names_original":["t"],"column_names_original":[[-1,"*"],[0,"a"]],
    "column_types":["text","text"],"primary_keys":[0],"foreign_keys":[]}])");
  expect_error("\"primary_keys\" names column 0 of 2 (from 0)");
  file("tables.json",
       R"([{"db_id":"d","table_names_original":["t"],"column_names_original":[3],
    "column_types":["text"],"primary_keys":[],"foreign_keys":[]}])");
  expect_error(
      "tables.json: entry 0 (\"d\"): expected names and pairs in its lists, found a number");
  file("tables.json",
       R"([{"db_id":"../d","table_names_original":["t"],"column_names_original":[],
    "column_types":[],"primary_keys":[],"foreign_keys":[]}])");
  expect_error("tables.json: entry 0 (\"../d\"): db_id \"../d\": expected a name");
  file("tables.json",
       R"([{"db_id":"d","table_names_original":["t"],"column_names_original":[[-1,"*"],[0,"a"]],
    "column_types":["text"],"primary_keys":[],"foreign_keys":[]}])");
  expect_error("tables.json: entry 0 (\"d\"): 2 column_names_original, but 1 column_types");
  file("tables.json",
       R"([{"db_id":"d","table_names_original":["t"],"column_names_original":[[-1,"*"],[0,"a"]],
    "column_types":["text","text"],"foreign_keys":[]}])");
  expect_error("tables.json: entry 0 (\"d\"): expected a list under \"primary_keys\"");
  constexpr std::string_view kOne =
      R"({"db_id":"d","table_names_original":["t"],"column_names_original":[[-1,"*"],[0,"a"]],
    "column_types":["text","text"],"primary_keys":[[1]],"foreign_keys":[]})";
  file("tables.json", fmt::format("[{0},{0}]", kOne));
  expect_error("tables.json: entry 1 (\"d\"): its db_id occurs a second time");
  file("tables.json", "[]");
  expect_error("tables.json: expected a list of at least one database");
  EXPECT_NE(message_of([&] { load_spider(folder / "no"); }).find("no such folder"),
            std::string::npos);
}

TEST_F(SpiderFolder, gold_file_must_go_with_the_questions) {
  file("dev_gold.sql", "SELECT 1\td\r\n");
  EXPECT_EQ(message_of([&] { load_spider(folder); }), "(no error)");
  file("dev_gold.sql", "SELECT 1\td\nSELECT 2\td\n");
  expect_error("dev_gold.sql: 2 lines, but dev.json has 1 questions");
  file("dev_gold.sql", "SELECT 1\tother\n");
  expect_error(
      "dev_gold.sql:1: found the database \"other\", but question 0 of dev.json has \"d\"");
}

TEST_F(SpiderFolder, train_others_are_numbered_on_and_change_the_hash) {
  file("train_others.json", R"([{"db_id":"d","question":"O?","query":"SELECT 3"}])");
  const Spider without = load_spider(folder), with = load_spider(folder, {.train_others = true});
  EXPECT_EQ(without.train.size(), 1u);
  ASSERT_EQ(with.train.size(), 2u);
  EXPECT_EQ(with.train[1].index, 1u);
  EXPECT_NE(with.sha256, without.sha256);
  EXPECT_EQ(load_spider(folder).sha256, without.sha256);
}

Spider made_up(std::size_t dev, std::size_t train) {
  Spider spider;
  for (std::size_t i = 0; i < dev; ++i) {
    spider.dev.push_back({i, "e", fmt::format("q{}", i), "s", ""});
  }
  // Two questions to each query, as in Spider.
  for (std::size_t i = 0; i < train; ++i) {
    spider.train.push_back({i, "d", fmt::format("q{}", i), fmt::format("s{}", i / 2), ""});
  }
  return spider;
}

TEST(SpiderDraw, a_smaller_draw_is_part_of_a_larger_one_and_of_one_data_seed) {
  const Spider spider = made_up(100, 0);
  const auto twenty = draw_spider(spider, {.data_seed = 3, .questions = 20});
  const auto fifty = draw_spider(spider, {.data_seed = 3, .questions = 50});
  EXPECT_EQ(twenty.size(), 20u);
  EXPECT_TRUE(std::is_sorted(twenty.begin(), twenty.end()));
  EXPECT_TRUE(std::includes(fifty.begin(), fifty.end(), twenty.begin(), twenty.end()));
  EXPECT_EQ(draw_spider(spider, {.data_seed = 3, .questions = 50, .limit = 20}), twenty);
  EXPECT_NE(draw_spider(spider, {.data_seed = 4, .questions = 20}), twenty);
  EXPECT_EQ(draw_spider(spider, {.limit = 3}), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(draw_spider(spider, {}).size(), 100u);
  EXPECT_NE(message_of([&] {
              draw_spider(spider, {.questions = 101});
            }).find("101 Spider questions are asked, but dev.json has 100"),
            std::string::npos);
}

TEST(SpiderDraw, first_draws_are_pinned) {
  EXPECT_EQ(first_of_draw(1034, 5, 0, "spider-questions"),
            (std::vector<std::size_t>{291, 561, 667, 832, 977}));
  EXPECT_EQ(even_shares(150, 3), (std::vector<std::size_t>{50, 50, 50}));
  EXPECT_EQ(even_shares(8, 3), (std::vector<std::size_t>{3, 3, 2}));
}

TEST(SpiderShots, all_questions_of_a_seed_share_their_shots) {
  const Spider spider = made_up(10, 40);
  const SpiderShots shots(spider, 1), again(spider, 1), other(spider, 2);
  const auto first = shots.for_example(spider.dev[0], 3);
  EXPECT_EQ(first.size(), 3u);
  for (const SpiderExample& example : spider.dev) EXPECT_EQ(shots.for_example(example, 3), first);
  EXPECT_EQ(again.for_example(spider.dev[0], 3), first);
  EXPECT_NE(other.for_example(spider.dev[0], 3), first);
  // Fewer shots are the front of more.
  EXPECT_EQ(shots.for_example(spider.dev[0], 2), (std::vector(first.begin(), first.begin() + 2)));
  EXPECT_TRUE(shots.for_example(spider.dev[0], 0).empty());
}

TEST(SpiderShots, a_training_row_is_never_its_own_shot_nor_is_its_paraphrase) {
  const Spider spider = made_up(1, 12);
  const SpiderShots shots(spider, 0);
  const auto common = shots.for_example(spider.dev[0], 3);
  std::size_t replaced = 0;
  for (const SpiderExample& row : spider.train) {
    const auto own = shots.for_example(row, 3);
    std::set<std::string> queries;
    for (const SpiderExample* shot : own) {
      EXPECT_NE(shot->query, row.query);
      queries.insert(shot->query);
    }
    EXPECT_EQ(queries.size(), 3u) << "a query stands twice among the shots";
    replaced += own == common ? 0 : 1;
  }
  // The three shots and their three paraphrases, no other row.
  EXPECT_EQ(replaced, 6u);
}

TEST(SpiderShots, too_few_train_examples_are_an_error) {
  const Spider spider = made_up(1, 4);
  const SpiderShots shots(spider, 0);
  EXPECT_EQ(shots.for_example(spider.dev[0], 2).size(), 2u);
  EXPECT_NE(message_of([&] {
              shots.for_example(spider.dev[0], 3);
            }).find("3 shots are asked, but train has only 2"),
            std::string::npos);
}

}  // namespace
}  // namespace tradeoff::task
