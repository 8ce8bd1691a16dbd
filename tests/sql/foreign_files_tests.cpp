// Files as other programs write them. Those marked are rebuilt from public reports; the others are
// of their kind.
#include <gtest/gtest.h>

#include <sstream>

#include "spider_files.hpp"
#include "temporary_folder.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/sql/files/score_files.hpp"

namespace tradeoff::sql {
namespace {

namespace fs = std::filesystem;

// Two questions: the first right, the second wrong, however they are written.
constexpr const char* kRight = "SELECT count(*) FROM singer";
constexpr const char* kWrong = "SELECT age FROM singer";
constexpr const char* kGold =
    "SELECT count(*) FROM singer\tconcert_singer\nSELECT name FROM singer\tconcert_singer\n";

struct ForeignFiles : testing::Test {
  TemporaryFolder folder;
  ScoreFilesOptions options;

  void SetUp() override {
    options.db = kSpider / "database";
    options.gold = folder.write("gold.sql", kGold);
  }
  std::vector<ScoredRow> score(const std::string& name, const std::string& predictions) {
    options.pred = folder.write(name, predictions);
    std::ostringstream ignored;
    return score_files(options, ignored);
  }
  void expect_right_and_wrong(const std::string& name, const std::string& predictions) {
    const auto rows = score(name, predictions);
    ASSERT_EQ(rows.size(), 2u) << predictions;
    EXPECT_EQ(rows[0].verdict.exec, true) << predictions;
    EXPECT_EQ(rows[1].verdict.exec, false) << predictions;
    EXPECT_EQ(rows[1].prediction, kWrong) << predictions;
  }
  std::string failure(const std::string& name, const std::string& predictions) {
    try {
      score(name, predictions);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
};

#define EXPECT_HAS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

// Reported: BIRD's predict_dev.json.
TEST_F(ForeignFiles, the_object_of_bird_in_one_line_in_many_and_as_json_lines) {
  const std::string first =
      R"("0": "SELECT count(*) FROM singer\t----- bird -----\tconcert_singer")";
  const std::string second = R"("1": "SELECT age FROM singer\t----- bird -----\tconcert_singer")";
  expect_right_and_wrong("predict_dev.json", "{" + first + ", " + second + "}");
  expect_right_and_wrong("predict_dev.json", "{\n    " + first + ",\n    " + second + "\n}\n");
  expect_right_and_wrong("predict_dev.json", "{" + second + ", " + first + "}");
  expect_right_and_wrong("predict_dev.jsonl", "{" + first + "}\n{" + second + "}\n");
  expect_right_and_wrong("predict_dev.json", R"({"0": "SELECT count(*) FROM singer",)"
                                             R"("1": "SELECT age FROM singer"})");
  EXPECT_HAS(failure("p.json", R"({"0": "SELECT 1", "7": "SELECT 1"})"),
             "the id 7 is not in the gold file");
  EXPECT_HAS(failure("p.json", R"({"0": "SELECT 1"})"), "no row for 1 of 2 questions (id 1)");
  EXPECT_HAS(failure("p.json", "{" + first + R"(,"1": "SELECT 1\t----- bird -----\tpets_1"})"),
             "found the database \"pets_1\", expected \"concert_singer\"");
}

// Keys of a selection's predictions are places, its question_ids are not.
TEST_F(ForeignFiles, dev_json_of_bird_and_spider_as_gold) {
  const std::string bird = R"([
    {"question_id": 17, "db_id": "concert_singer", "question": "How many?", "evidence": "",
     "SQL": "SELECT count(*) FROM singer", "difficulty": "simple"},
    {"question_id": 42, "db_id": "concert_singer", "question": "Who?", "evidence": "",
     "SQL": "SELECT name FROM singer", "difficulty": "moderate"}])";
  options.gold = folder.write("dev.json", bird);
  const std::string places =
      R"({"0": "SELECT count(*) FROM singer", "1": "SELECT age FROM singer"})";
  expect_right_and_wrong("p.json", places);
  expect_right_and_wrong(
      "p.json", R"({"42": "SELECT age FROM singer", "17": "SELECT count(*) FROM singer"})");
  EXPECT_EQ(score("p.json", places)[1].id, "42");
  options.gold = folder.write(
      "dev.json", R"([{"db_id": "concert_singer", "query": "SELECT count(*) FROM singer",
                       "question": "?", "sql": {"except": null}},
                      {"db_id": "concert_singer", "query": "SELECT name FROM singer",
                       "question": "?", "sql": {"except": null}}])");
  expect_right_and_wrong("p.json", places);
  // Neither more nor less likely that these are places than ids.
  options.gold =
      folder.write("dev.json", R"([{"question_id": 1, "db_id": "concert_singer", "SQL": "SELECT 1"},
                      {"question_id": 0, "db_id": "concert_singer", "SQL": "SELECT 2"}])");
  EXPECT_HAS(failure("p.json", places), "may be ids of the gold file or places in it");
  folder.write("dev.json", R"([{"question_id": 1, "db_id": "concert_singer"}])");
  EXPECT_HAS(failure("p.json", places),
             "dev.json: entry 0 (from 0): no gold query: expected one of");
}

TEST_F(ForeignFiles, json_lines_and_lists_under_the_names_in_use) {
  for (const char* key : {"sql", "predicted_sql", "prediction", "SQL"}) {
    for (const char* id : {"id", "question_id"}) {
      const auto row = [&](int i, const char* sql) {
        return to_line(Json{{id, i}, {"db_id", "concert_singer"}, {key, sql}});
      };
      expect_right_and_wrong("p.jsonl", row(0, kRight) + "\n" + row(1, kWrong) + "\n");
      expect_right_and_wrong("p.json",
                             "[\n  " + row(1, kWrong) + ",\n  " + row(0, kRight) + "\n]\n");
    }
  }
  // BIRD's rows with a prediction put beside the gold.
  expect_right_and_wrong(
      "p.jsonl",
      R"({"question_id": 0, "SQL": "SELECT 5", "predicted_sql": "SELECT count(*) FROM singer"})"
      "\n"
      R"({"question_id": 1, "SQL": "SELECT name FROM singer", "predicted_sql": "SELECT age FROM singer"})"
      "\n");
}

// Reported: a list printed over lines was read as lines of SQL and scored 0.
TEST_F(ForeignFiles, json_is_never_taken_for_lines_of_sql) {
  EXPECT_HAS(failure("pred.json", "[\n  \"SELECT 1\"\n]\n"),
             "pred.json: entry 0 (from 0): expected an object with an id and SQL, found string");
  EXPECT_HAS(failure("pred.txt", "[\n  {\"sql\": \"SELECT 1\"}\n]\n"), "missing key \"id\"");
  EXPECT_HAS(failure("pred.txt", "{\n  \"predictions\": [\"SELECT 1\"]\n}\n"),
             "found one JSON object with the keys predictions; expected");
  EXPECT_HAS(failure("pred.sql", "[\n  \"SELECT 1\",\n"), "pred.sql");
  EXPECT_HAS(
      failure("pred.jsonl", "{\"id\": 0, \"output\": \"SELECT 1\"}\n"),
      "pred.jsonl:1: no prediction: expected one of sql, predicted_sql, prediction, SQL, text");
}

TEST_F(ForeignFiles, csv_of_id_and_sql) {
  expect_right_and_wrong("p.csv",
                         "id,sql\n1,SELECT age FROM singer\n0,SELECT count(*) FROM singer\n");
  expect_right_and_wrong("p.csv",
                         "0,SELECT count(*) FROM singer\r\n1,\"SELECT age FROM singer\"\r\n");
  // As pandas writes a frame, with and without ids of its own.
  expect_right_and_wrong("p.CSV",
                         ",SQL\n0,SELECT count(*) FROM singer\n1,SELECT age FROM singer\n");
  expect_right_and_wrong("p.csv",
                         ",question_id,predicted_sql\n0,1,SELECT age FROM singer\n"
                         "1,0,\"SELECT count(*)\nFROM singer\"\n");
  EXPECT_EQ(
      score("p.csv", "id,sql\n0,\n1,\"SELECT name, age FROM singer\"\n")[0].verdict.error_class,
      "empty_output");
  EXPECT_HAS(failure("p.csv", "id,sql\n0,SELECT name, age FROM singer\n1,SELECT 1\n"),
             "p.csv:2: 3 values where the columns are id, sql");
  EXPECT_HAS(failure("p.csv", "question,answer\nWho?,SELECT 1\n"), "p.csv:2: missing key \"id\"");
}

std::string sample(int id, const char* query, const char* response, const char* filter) {
  return to_line(Json{{"doc_id", id},
                      {"doc", {{"db_id", "concert_singer"}, {"query", query}}},
                      {"resps", {{"so: ..."}}},
                      {"filtered_resps", {response}},
                      {"filter", filter}}) +
         "\n";
}

// Reported: every question stands once for each filter.
TEST_F(ForeignFiles, samples_of_several_filters_take_the_one_that_is_named) {
  const std::string samples = sample(0, kRight, kRight, "first-block") +
                              sample(0, kRight, kWrong, "last-block") +
                              sample(1, "SELECT name FROM singer", kWrong, "first-block") +
                              sample(1, "SELECT name FROM singer", kRight, "last-block");
  for (const bool with_gold : {true, false}) {
    if (!with_gold) options.gold.clear();
    options.filter.clear();
    EXPECT_HAS(failure("samples_x.jsonl", samples),
               "samples of 2 filters, first-block, last-block; choose one with --filter");
    options.filter = "first-block";
    expect_right_and_wrong("samples_x.jsonl", samples);
    options.filter = "last-block";
    EXPECT_EQ(score("samples_x.jsonl", samples)[0].verdict.exec, false);
    options.filter = "strict";
    EXPECT_HAS(failure("samples_x.jsonl", samples),
               "no sample of the filter \"strict\"; found first-block, last-block");
  }
  // One after another, as several --log_samples files put together have them.
  options.filter.clear();
  EXPECT_HAS(
      failure("samples_x.jsonl", sample(0, kRight, kRight, "b") + sample(1, kRight, kRight, "b") +
                                     sample(0, kRight, kRight, "a")),
      "samples of 2 filters, a, b");
  // A filter chosen where none is needed, and where there are no samples.
  options.gold = folder.write("gold.sql", kGold);
  options.filter = "none";
  expect_right_and_wrong(
      "samples_x.jsonl",
      sample(0, kRight, kRight, "none") + sample(1, "SELECT name FROM singer", kWrong, "none"));
  EXPECT_HAS(failure("pred.sql", "SELECT 1\nSELECT 2\n"), "--filter is for samples");
  EXPECT_HAS(failure("pred.jsonl", "{\"id\": 0, \"sql\": \"\"}\n{\"id\": 1, \"sql\": \"\"}\n"),
             "found no samples of lm-evaluation-harness");
}

}  // namespace
}  // namespace tradeoff::sql
