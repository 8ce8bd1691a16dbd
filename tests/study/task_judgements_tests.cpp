// Queries judged in threads beside the device: each once, the same whoever did it and when.
#include "task_judgements.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "tradeoff/base/error.hpp"
#include "tradeoff/study/judge.hpp"

namespace tradeoff::study {
namespace {

namespace fs = std::filesystem;

// A statement that no processor ends within a second.
constexpr const char* kEndless =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

struct Judging : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("tradeoff-judging-" + std::to_string(::getpid()));
  fs::path place = folder / "judged";
  std::vector<task::Item> items;
  sql::ScoreOptions options;

  void SetUp() override {
    fs::create_directories(folder / "pets");
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((folder / "pets/pets.sqlite").c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, "CREATE TABLE pet(name text); INSERT INTO pet VALUES ('Rex')",
                           nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close(db);
    options.preview = true;
    for (int i = 0; i < 4; ++i) {
      task::Item& item = items.emplace_back();
      item.id = i;
      item.db_id = "pets";
      item.query = "SELECT name FROM pet";
    }
  }
  void TearDown() override { fs::remove_all(folder); }

  static store::Prediction answer(int id, const std::string& sql) {
    store::Prediction prediction;
    prediction.id = id;
    prediction.answer = store::WrittenAnswer{sql, {1}, store::Finish::stop, sql, {}};
    return prediction;
  }
  static std::vector<store::Prediction> answers() {
    return {answer(0, "SELECT name FROM pet"), answer(1, "SELECT count(*) FROM pet"),
            answer(2, "SELECT nosuch FROM pet"), answer(3, "I do not know")};
  }
  std::vector<store::Judgement> one_by_one(std::span<const store::Prediction> rows) const {
    sql::Scorer scorer(folder, {}, options);
    std::vector<store::Judgement> judged;
    for (std::size_t i = 0; i < rows.size(); ++i)
      judged.emplace_back(judge_query(items[i], judged_text(rows[i].written()), scorer).judgement);
    return judged;
  }
  std::size_t lines() const {
    std::size_t count = 0;
    if (!fs::exists(place)) return 0;
    for (const auto& entry : fs::directory_iterator(place)) {
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) ++count;
    }
    return count;
  }
};

TEST_F(Judging, gives_what_one_thread_gives_and_keeps_it) {
  const auto rows = answers();
  sql::Scorer scorer(folder, {}, options);
  const Json header = judgement_header(options, "data");
  JudgeThreads threads(3);
  {
    TaskJudgements judgements(items, scorer, threads, place, header);
    judgements.begin(std::span(rows).first(2));
    judgements.begin(std::span(rows).subspan(2));
    EXPECT_EQ(judgements.of(rows), one_by_one(rows));
  }
  EXPECT_EQ(lines(), 5u);  // a header, four judgements
  // Without a database everything must come from the disk.
  fs::remove(folder / "pets/pets.sqlite");
  TaskJudgements later(items, scorer, threads, place, header);
  EXPECT_EQ(std::get<store::SqlJudgement>(later.of(rows)[2]).outcome, "sql_error");
  EXPECT_EQ(lines(), 5u);
}

TEST_F(Judging, equal_answers_are_judged_once) {
  const std::vector<store::Prediction> rows = {answer(0, "SELECT 1"), answer(0, "SELECT 1"),
                                               answer(1, "SELECT 1"), answer(2, "SELECT 2")};
  sql::Scorer scorer(folder, {}, options);
  JudgeThreads threads(2);
  TaskJudgements judgements(items, scorer, threads, place, judgement_header(options, "data"));
  EXPECT_EQ(judgements.of(rows).size(), 4u);
  EXPECT_EQ(lines(), 3u);  // questions 0 and 1 ask for the same
}

TEST_F(Judging, of_other_limits_or_data_are_made_anew) {
  const auto rows = answers();
  sql::Scorer scorer(folder, {}, options);
  JudgeThreads threads(1);
  (void)TaskJudgements(items, scorer, threads, place, judgement_header(options, "old")).of(rows);
  sql::ScoreOptions other = options;
  other.execute.max_steps = 1000;
  for (const Json& header : {judgement_header(options, "new"), judgement_header(other, "new")}) {
    TaskJudgements judgements(items, scorer, threads, place, header);
    EXPECT_EQ(judgements.of(rows), one_by_one(rows));
    EXPECT_EQ(lines(), 5u);
  }
}

TEST_F(Judging, a_statement_out_of_time_is_judged_once_more_and_not_kept) {
  options.execute.timeout_s = 1;
  options.execute.max_steps = 100'000'000'000;
  items[2].query = std::string(kEndless) + " WHERE i <> 0";
  const std::vector<store::Prediction> rows = {answer(0, kEndless), answer(1, "SELECT 1"),
                                               answer(2, "SELECT 1")};
  sql::Scorer scorer(folder, {}, options);
  JudgeThreads threads(1);
  TaskJudgements judgements(items, scorer, threads, place, judgement_header(options, "data"));
  judgements.begin(rows);
  judgements.finish();
  EXPECT_EQ(lines(), 2u);
  const auto begin = std::chrono::steady_clock::now();
  const auto judged = judgements.of(rows);
  EXPECT_EQ(std::get<store::SqlJudgement>(judged[0]).outcome, "timeout");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  // A gold that ran out of time says as little.
  EXPECT_EQ(std::get<store::SqlJudgement>(judged[2]).outcome, "gold_error");
  EXPECT_EQ(lines(), 2u);
}

TEST_F(Judging, a_missing_database_is_told_to_who_waits) {
  items[1].db_id = "nowhere";
  const auto rows = answers();
  sql::Scorer scorer(folder, {}, options);
  JudgeThreads threads(2);
  TaskJudgements judgements(items, scorer, threads, place, judgement_header(options, "data"));
  judgements.begin(rows);
  try {
    judgements.finish();
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("nowhere.sqlite"), std::string::npos) << error.what();
  }
  EXPECT_THROW(judgements.begin(rows), Error);
}

TEST_F(Judging, what_is_not_begun_is_given_up) {
  options.execute.timeout_s = 0.5;
  options.execute.max_steps = 100'000'000'000;
  std::vector<store::Prediction> rows;
  for (int i = 0; i < 100; ++i)
    rows.push_back(answer(i % 4, std::string(kEndless) + " WHERE i <> " + std::to_string(i)));
  sql::Scorer scorer(folder, {}, options);
  JudgeThreads threads(1);
  const auto begin = std::chrono::steady_clock::now();
  {
    TaskJudgements judgements(items, scorer, threads, place, judgement_header(options, "data"));
    judgements.begin(rows);
  }
  // A hundred would take 50 s.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace tradeoff::study
