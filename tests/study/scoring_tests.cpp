// What a study finds out before it predicts anything.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tradeoff/base/error.hpp"
#include "tradeoff/results/prompt_table.hpp"
#include "tradeoff/results/reduce.hpp"
#include "tradeoff/store/predictions_file.hpp"
#include "tradeoff/study/items_table.hpp"
#include "tradeoff/study/judge.hpp"

namespace tradeoff::study {
namespace {

namespace fs = std::filesystem;

struct ScoringCheck : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("tradeoff-scoring-" + std::to_string(::getpid()));
  fs::path path = folder / "library/library.sqlite";

  void SetUp() override {
    fs::create_directories(path.parent_path());
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db,
                           "CREATE TABLE books(id integer primary key, title text, pages int);"
                           "CREATE VIRTUAL TABLE books_fts USING fts5(title, content='books')",
                           nullptr, nullptr, nullptr),
              SQLITE_OK);
    sqlite3_close(db);
  }
  void TearDown() override { fs::remove_all(folder); }

  // What check_scoring says of questions with these golds; empty where nothing is wrong.
  std::string failure(const std::vector<std::string>& golds, const std::string& db_id = "library") {
    std::vector<task::Gold> questions;
    for (const std::string& gold : golds)
      questions.push_back({std::to_string(questions.size()), db_id, gold});
    sql::Scorer scorer(folder, {});
    try {
      check_scoring(questions, scorer);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

#define EXPECT_HAS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

TEST_F(ScoringCheck, a_virtual_table_or_one_failing_gold_stops_no_study) {
  EXPECT_EQ(failure({"SELECT count(*) FROM books"}), "");
  EXPECT_EQ(failure({"SELECT count(*) FROM books", "SELECT nosuch FROM books"}), "");
}

TEST_F(ScoringCheck, a_study_of_which_nothing_could_be_scored_does_not_begin) {
  const std::string text = failure({"SELECT * FROM books_fts", "SELECT nosuch FROM books"});
  EXPECT_HAS(text, "nothing could be scored: every gold query fails");
  EXPECT_HAS(text, "question 0 (library): gold: sql_error: no such module: fts5");
  EXPECT_HAS(text, "question 1 (library): gold: sql_error: no such column: nosuch");
}

TEST_F(ScoringCheck, a_missing_or_damaged_database_is_named) {
  EXPECT_HAS(failure({"SELECT 1"}, "nowhere"), "nowhere.sqlite: no such database");
  std::ofstream(path) << std::string(4000, 'x');
  EXPECT_HAS(failure({"SELECT 1"}), "library.sqlite");
}

TEST_F(ScoringCheck, every_column_of_a_study_has_a_description) {
  sql::Scorer scorer(folder, {});
  std::size_t seen = 0;
  const auto check_all = [&](const store::Table& table) {
    for (const auto& [name, column] : table.columns()) {
      EXPECT_NE(store::column_text(name), "") << name;
      ++seen;
    }
  };
  check_all(sql_items_table({}, scorer));
  check_all(choice_items_table({}));
  for (const store::Form form : {store::Form::sql, store::Form::letter, store::Form::choice})
    check_all(store::run_table({}, {.form = form, .sampled = true, .corrections = true}));
  for (const auto& [name, table] : results::summary_tables({}, {})) check_all(table);
  check_all(results::prompt_table({}));
  for (const char* name :
       {"step", "epoch", "loss", "lr", "grad_norm", "tokens", "supervised_tokens"})
    EXPECT_NE(store::column_text(name), "") << name;
  EXPECT_GT(seen, 50u);
}

store::Prediction written(std::size_t id, const std::string& text,
                          std::optional<double> logprob = std::nullopt) {
  store::Prediction row;
  row.id = id;
  row.answer = store::WrittenAnswer{text, {1, 2}, store::Finish::length, "D", logprob};
  return row;
}

TEST(LetterRows, are_judged_by_the_letter_of_their_text) {
  std::vector<task::Item> items(4);
  std::vector<store::Prediction> rows;
  std::vector<store::Judgement> judged;
  const char* texts[] = {" B\n\nNext?", "The answer is C.", "Paris", ""};
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].id = i;
    items[i].choices = {" A", " B", " C", " D"};
    items[i].answer = "B";
    rows.push_back(written(i, texts[i]));
  }
  items[1].corrected = {"C"};
  items[3].label = "ok";
  for (std::size_t i = 0; i < items.size(); ++i)
    judged.emplace_back(judge_letter(items[i], rows[i], store::Form::letter));
  const store::Table table = answers_table(items, rows, judged, store::Form::letter);
  EXPECT_EQ(table.at<store::Strings>("answer"), (store::Strings{"B", "C", "", ""}));
  EXPECT_EQ(table.at<store::Flags>("correct"), (store::Flags{1, 0, 0, 0}));
  EXPECT_EQ(table.at<store::Strings>("reading"),
            (store::Strings{"opening", "announced", "no_letter", "empty_output"}));
  EXPECT_EQ(table.at<store::Flags>("corrected"), (store::Flags{-1, 1, -1, -1}));
  EXPECT_EQ(table.at<store::Flags>("clean"), (store::Flags{-1, -1, -1, 0}));
  EXPECT_EQ(table.at<store::Ints>("tokens"), store::Ints(4, 2));
}

TEST(AnswersTable, holds_one_sample_of_each_item) {
  const std::vector<task::Item> items(2);
  std::vector<store::Prediction> rows;
  for (int i = 0; i < 6; ++i) {
    rows.push_back(written(i / 3, std::to_string(i), -0.5 * i));
    rows.back().sample = i % 3;
  }
  const std::vector<store::Judgement> judged(6, store::SqlJudgement());
  const store::Table table = answers_table(items, rows, judged, store::Form::sql, 1);
  EXPECT_EQ(table.at(store::column::kText), (store::Strings{"1", "4"}));
  EXPECT_EQ(table.at(store::column::kLogprob), (store::Doubles{-0.5, -2}));
  EXPECT_EQ(table.at(store::column::kItem), (store::Ints{0, 1}));
}

}  // namespace
}  // namespace tradeoff::study
