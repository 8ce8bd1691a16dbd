#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tradeoff/report/files/study.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::report {

/// A task of lm-evaluation-harness in a run: a subject of a task of choices, or an SQL task as a
/// whole.
struct EvalTask {
  // TASK_abstract_algebra, TASK.
  std::string name;
  // How its tables name it: abstract_algebra.
  std::string alias;
  // TASK_stem; empty for a task of no group.
  std::string group;
  // Rows of the run.
  std::vector<std::size_t> rows;
  // Questions of the split; unknown in files of earlier versions.
  std::optional<std::int64_t> split_size;
};

/// The tasks of a run, group by group as lm-evaluation-harness has them, else in the order of its
/// items.
std::vector<EvalTask> eval_tasks(const task::Task& task, const store::Table& items);

/// The metrics of a task, the first being its main one: acc, of written letters exact_match.
std::vector<std::string> eval_metrics(task::Kind kind, task::Answer answer);
/// A row's score, of sampled answers their mean; nothing where the gold query fails, which leaves
/// the row out of every count.
std::optional<double> eval_score(const store::Run& run, task::Kind kind, const std::string& metric,
                                 std::size_t row);

/// What a run's prompts and answers are given with.
struct SampleSource {
  task::Kind kind;
  const store::Table& items;
  const store::Run& run;
  // By row; empty where the file holds no prompts.
  std::vector<std::string> prompts;
  // Whether choices are " A" rather than "A".
  bool blank_before_choice = true;
  // Of kind choice.
  task::Answer answer = task::Answer::choice;
};

/// The sample of a row, key by key as lm-evaluation-harness 0.4.13 writes it; several answers stand
/// in `resps` as its `repeats` do, and the first is the filtered one.
Json eval_sample(const SampleSource& source, std::size_t row);

/// A number as Python's str() has it: "-1.5", "-2.0", "nan".
std::string python_text(double value);

}  // namespace tradeoff::report
