// From a study's rows to its accuracies and pairs, by hand.
#include "tradeoff/results/reduce.hpp"

#include <gtest/gtest.h>

#include "tradeoff/base/error.hpp"

namespace tradeoff::results {
namespace {

using store::Flags;
using store::Strings;

store::Table choice_rows(const Flags& correct) {
  store::Ints item;
  Strings answer;
  for (std::size_t i = 0; i < correct.size(); ++i) {
    item.push_back(static_cast<std::int64_t>(i));
    answer.emplace_back(correct[i] == 1 ? "A" : "B");
  }
  store::Table table;
  table.add("item", item);
  table.add("answer", answer);
  table.add("correct", correct);
  return table;
}

store::Table sql_rows(const Flags& exec, const Flags& set, const Strings& outcome) {
  const std::size_t n = exec.size();
  store::Ints item;
  for (std::size_t i = 0; i < n; ++i) item.push_back(static_cast<std::int64_t>(i));
  store::Table table;
  table.add("item", item);
  table.add("sql", Strings(n, "SELECT 1"));
  table.add("outcome", outcome);
  table.add("error_class", Strings{"", "invented", "invented", "other_rows"});
  table.add("exec", exec);
  for (const char* name : {"exec_keep_distinct", "match", "strict", "non_empty"})
    table.add(name, exec);
  table.add("set", set);
  table.add("soft_f1", store::Doubles(n, 0.5));
  return table;
}

// Two arms, four questions of each task; the tuned arm has two seeds.
store::Predictions study() {
  store::Predictions p;
  p.config = {{"study", {{"primary", "set"}}}, {"arms", {{"tuned", nullptr}, {"base", nullptr}}}};
  store::Table sql;
  sql.add("id", Strings{"0", "1", "2", "3"});
  sql.add("db_id", Strings{"pets", "pets", "cars", "cars"});
  sql.add("hardness", Strings{"easy", "hard", "easy", "hard"});
  sql.add("query", Strings(4, "SELECT 1"));
  store::Table choice;
  choice.add("id", Strings{"0", "1", "2", "3"});
  choice.add("subject", Strings{"law", "law", "art", "art"});
  choice.add("group", Strings{"x", "x", "y", "y"});
  choice.add("answer", Strings(4, "A"));
  p.items = {{"spider", sql}, {"mmlu", choice}};
  p.runs[{"base", 1, "mmlu"}].rows = choice_rows({1, 0, 0, 1});
  p.runs[{"base", 1, "mmlu"}].attributes["computed_once"] = std::string("greedy");
  p.runs[{"tuned", 1, "mmlu"}].rows = choice_rows({1, 1, 0, 1});
  p.runs[{"tuned", 2, "mmlu"}].rows = choice_rows({1, 1, 1, 0});
  const Strings ok(4, "ok");
  p.runs[{"base", 1, "spider"}].rows = sql_rows({1, 1, 0, 0}, {1, 0, 0, 0}, ok);
  p.runs[{"tuned", 1, "spider"}].rows =
      sql_rows({1, 1, 0, 0}, {1, 1, 0, 1}, {"ok", "ok", "gold_error", "ok"});
  return p;
}

const stats::TaskSummary& of(const stats::StudySummary& summary, const std::string& arm,
                             const std::string& task) {
  for (const stats::TaskSummary& s : summary.arms)
    if (s.arm == arm && s.task == task) return s;
  fail("no " + arm + " on " + task);
}

TEST(Reduce, accuracy_is_the_mean_over_questions_and_seeds) {
  const auto summary = reduce_study(study(), Primary::set);
  const auto& tuned = of(summary, "tuned", "mmlu");
  EXPECT_EQ(tuned.n, 8u);
  EXPECT_EQ(tuned.seeds, 2u);
  EXPECT_DOUBLE_EQ(*tuned.accuracy.mean, 6.0 / 8);
  EXPECT_EQ(tuned.clusters, 2u);
  EXPECT_DOUBLE_EQ(*of(summary, "base", "mmlu").accuracy.mean, 0.5);
}

TEST(Reduce, accuracy_is_of_the_primary_metric_and_the_others_stand_beside_it) {
  const auto by_set = reduce_study(study(), Primary::set);
  const auto by_exec = reduce_study(study(), Primary::exec);
  // Question 2 is a gold error in one arm, so it leaves both.
  EXPECT_DOUBLE_EQ(*of(by_set, "base", "spider").accuracy.mean, 1.0 / 3);
  EXPECT_DOUBLE_EQ(*of(by_set, "tuned", "spider").accuracy.mean, 3.0 / 3);
  EXPECT_DOUBLE_EQ(*of(by_exec, "tuned", "spider").accuracy.mean, 2.0 / 3);
  EXPECT_EQ(of(by_set, "base", "spider").gold_errors, 1u);
  for (const auto& metric : of(by_set, "base", "spider").metrics) {
    if (metric.name == "exec") {
      EXPECT_DOUBLE_EQ(*metric.mean, 2.0 / 3);
    }
    if (metric.name == "soft_f1") {
      EXPECT_DOUBLE_EQ(*metric.mean, 0.5);
    }
  }
}

TEST(Reduce, an_arm_computed_once_pairs_with_every_seed_of_another) {
  const auto summary = reduce_study(study(), Primary::set);
  bool found = false;
  for (const stats::PairSummary& pair : summary.pairs) {
    if (pair.task != "mmlu") continue;
    found = true;
    EXPECT_EQ(pair.a, "tuned");  // the job's order
    EXPECT_EQ(pair.seeds, 2u);
    EXPECT_DOUBLE_EQ(*pair.delta.mean, 0.5 - 0.75);
    EXPECT_EQ(pair.n01, 1u);  // question 3, seed 2
    EXPECT_EQ(pair.n10, 3u);
  }
  EXPECT_TRUE(found);
}

TEST(Reduce, arms_come_in_the_jobs_order_and_classes_by_their_number) {
  const store::Predictions p = study();
  EXPECT_EQ(arm_order(p), (std::vector<std::string>{"tuned", "base"}));
  EXPECT_EQ(task_order(p), (std::vector<std::string>{"spider", "mmlu"}));
  EXPECT_EQ(primary_of(p), Primary::set);
  const auto classes = error_classes(p);
  ASSERT_EQ(classes.size(), 4u);
  EXPECT_EQ(classes[0].arm, "base");
  EXPECT_EQ(classes[0].error_class, "invented");
  EXPECT_EQ(classes[0].rows, 2);
}

TEST(Reduce, letters_read_from_a_text_are_told_from_scored_choices) {
  store::Predictions p = study();
  EXPECT_EQ(task_of(p, "mmlu").answer, task::Answer::choice);
  for (auto& [key, run] : p.runs)
    if (key.task == "mmlu") run.rows.add("text", Strings(4, "A."));
  EXPECT_EQ(task_of(p, "mmlu").answer, task::Answer::letter);
  EXPECT_EQ(task_of(p, "spider").kind, task::Kind::sql);
}

}  // namespace
}  // namespace tradeoff::results
