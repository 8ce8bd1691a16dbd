#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/results/primary.hpp"
#include "tradeoff/stats/reduce.hpp"
#include "tradeoff/store/predictions_file.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::results {

/// The metric that the file's configuration names; `exec` where it names none.
Primary primary_of(const store::Predictions& predictions);

/// What is known of a task of the file: the built-in one, else what its items tell.
task::Task task_of(const store::Predictions& predictions, const std::string& name);

/// Arms in the order of the job file, then those that it does not name; built-in tasks in their own
/// order, then others.
std::vector<std::string> arm_order(const store::Predictions& predictions);
std::vector<std::string> task_order(const store::Predictions& predictions);

/// One table an arm and task, over its seeds: what the statistics work on. Clusters and strata are
/// the columns that roles_of names: databases and hardness, subjects and groups. Arm by arm
/// as arm_order has them, tasks within as task_order has them.
std::vector<stats::ScoreTable> score_tables(const store::Predictions& predictions, Primary primary);

/// Accuracies, intervals and pairs of a study.
stats::StudySummary reduce_study(const store::Predictions& predictions, Primary primary,
                                 std::span<const stats::TaskFloors> floors = {});

struct ClassCount {
  std::string arm, error_class;
  std::int64_t rows = 0;  // over all seeds
};
/// Why wrong SQL is wrong, most frequent first within each arm.
std::vector<ClassCount> error_classes(const store::Predictions& predictions);

/// /summary/accuracy, /summary/error_classes, /summary/floors: the reduced tables that stand in
/// predictions.h5; the prompts that stand in it already (prompt_table.hpp) are kept.
std::map<std::string, store::Table> summary_tables(const store::Predictions& predictions,
                                                   const stats::StudySummary& summary);

/// The floors that stand in /summary/floors; without that table, what the items alone tell (letters
/// of choices).
std::vector<stats::TaskFloors> stored_floors(const store::Predictions& predictions);

}  // namespace tradeoff::results
