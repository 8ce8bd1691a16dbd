// One question of a study, from predictions.h5 alone.
#include <fmt/format.h>

#include <cmath>

#include "fixture.hpp"
#include "tradeoff/report/page/show_question.hpp"

namespace tradeoff::report {
namespace {

#define EXPECT_HAS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

// The table with one column in place of what it has under that name.
store::Table with_column(const store::Table& table, std::string_view name, store::Column column) {
  store::Table out;
  for (const auto& [other, values] : table.columns())
    out.add(other, other == name ? std::move(column) : values);
  return out;
}

class Show : public ReportTest {
 protected:
  Study study() {
    const std::filesystem::path files[] = {file("study", small_study())};
    return read_study(files);
  }
  ShowQuestion asked;
};

TEST_F(Show, prompt_gold_and_every_arms_answer_with_its_verdicts) {
  const Study shown = study();
  asked.id = shown.predictions.items.at("spider").at<store::Strings>("id")[3];
  const std::string text = show_question(shown, asked);
  EXPECT_HAS(text, "spider 3: database database_");
  EXPECT_HAS(text,
             "\n== gold\n" + shown.predictions.items.at("spider").at<store::Strings>("query")[3]);
  for (const char* arm : {"base", "qlora-50", "qlora-200"})
    for (const char* seed : {"1", "2", "3"})
      EXPECT_HAS(text, fmt::format("\n== {}, seed {}: ", arm, seed));
  EXPECT_HAS(text, "exec_keep_distinct ");
  asked.arm = "qlora-50";
  asked.seed = 2;
  const std::string one = show_question(shown, asked);
  EXPECT_HAS(one, "== qlora-50, seed 2: ");
  EXPECT_EQ(one.find("== base"), std::string::npos);
  EXPECT_EQ(one.find("seed 1"), std::string::npos);
}

TEST_F(Show, a_question_of_mmlu_with_its_log_probabilities) {
  const Study shown = study();
  asked.id = shown.predictions.items.at("mmlu").at<store::Strings>("id")[0];
  const std::string text = show_question(shown, asked);
  EXPECT_HAS(text, "mmlu subject_00/0: subject subject_00, stem");
  EXPECT_HAS(text, "== base, every seed: ");
  EXPECT_HAS(text, "\n  D -");
}

TEST_F(Show, what_is_not_there_is_told_with_what_is) {
  const Study shown = study();
  asked.id = std::string("no/such");
  EXPECT_HAS(error_of([&] { show_question(shown, asked); }),
             "no question with the id \"no/such\"; spider has 60 questions: 0, 1, 2, 3, ...; mmlu");
  asked.id = std::string("3");
  asked.arm = "qlora-500";
  EXPECT_HAS(error_of([&] { show_question(shown, asked); }), "there are base seed 1, base seed 2");
  asked.arm.clear();
  asked.seed = 9;
  EXPECT_HAS(error_of([&] { show_question(shown, asked); }), "no answers to spider");
  asked.seed.reset();
  asked.task = "mmlu";
  EXPECT_HAS(error_of([&] { show_question(shown, asked); }), "mmlu has 57 questions");
}

TEST_F(Show, an_id_of_two_tasks_needs_the_task) {
  Study shown = study();
  store::Table& items = shown.predictions.items.at("mmlu");
  store::Strings ids = items.at<store::Strings>("id");
  ids[1] = "3";
  items = with_column(items, "id", ids);
  asked.id = std::string("3");
  EXPECT_HAS(error_of([&] { show_question(shown, asked); }),
             "spider and mmlu have a question with the id \"3\"; --task names one");
  asked.task = "mmlu";
  EXPECT_HAS(show_question(shown, asked), "mmlu 3: ");
}

TEST_F(Show, a_question_of_fewer_choices_than_others_has_no_more_log_probabilities) {
  Study shown = study();
  asked.id = shown.predictions.items.at("mmlu").at<store::Strings>("id")[0];
  for (auto& [key, run] : shown.predictions.runs)
    if (key.task == "mmlu") {
      auto logprobs = run.rows.at(store::column::kChoiceLogprobs);
      logprobs.values[logprobs.width - 1] = std::nan("");
      run.rows = with_column(run.rows, store::column::kChoiceLogprobs.name, logprobs);
    }
  const std::string text = show_question(shown, asked);
  EXPECT_HAS(text, "\n  C -");
  EXPECT_EQ(text.find("nan"), std::string::npos) << text;
  EXPECT_EQ(text.find("\n  D "), std::string::npos) << text;
}

TEST(WordDiff, marks_what_is_more_and_what_is_missing) {
  EXPECT_EQ(word_diff("SELECT a FROM t", "SELECT a FROM t"), "SELECT a FROM t");
  EXPECT_EQ(word_diff("SELECT a FROM t", "SELECT b FROM t"), "SELECT [-a-]{+b+} FROM t");
  EXPECT_EQ(word_diff("SELECT a FROM t", "SELECT a, b FROM t"), "SELECT a{+,+} {+b +}FROM t");
  EXPECT_EQ(word_diff("SELECT a FROM t WHERE x > 1", "SELECT a FROM t"),
            "SELECT a FROM t[- WHERE x > 1-]");
  EXPECT_EQ(word_diff("", "SELECT 1"), "{+SELECT 1+}");
  EXPECT_EQ(word_diff("x", ""), "[-x-]");
  EXPECT_EQ(word_diff("", ""), "");
}

TEST_F(Show, diff_marks_an_answer_against_the_gold) {
  Study shown = study();
  asked.id = std::string("3");
  asked.diff = true;
  const auto& gold = shown.predictions.items.at("spider").at<store::Strings>("query")[3];
  const auto& run = shown.predictions.runs.at({"base", 1, "spider"});
  EXPECT_HAS(show_question(shown, asked), word_diff(gold, run.rows.at<store::Strings>("sql")[3]));
}

}  // namespace
}  // namespace tradeoff::report
