#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tradeoff/report/files/study.hpp"
#include "tradeoff/results/primary.hpp"
#include "tradeoff/stats/calibration.hpp"
#include "tradeoff/stats/failed_runs.hpp"
#include "tradeoff/stats/plan.hpp"
#include "tradeoff/stats/posterior.hpp"
#include "tradeoff/stats/reduce.hpp"
#include "tradeoff/stats/tradeoff.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::report {

/// What one arm gained on the first SQL task against what it lost on the first task of choices,
/// from the reference arm.
struct ArmTradeoff {
  std::string arm;
  stats::Over over = stats::Over::items;
  stats::TradeoffOrReason result;
  // Beside it, in words of its own; empty with the reason for graded metrics.
  std::optional<stats::TradeoffPosterior> posterior;
  std::string no_posterior;
};

/// An arm's runs (its seeds, on any task), and those that failed by stats::failure_rule.
struct ArmRuns {
  std::string arm;
  std::uint64_t runs = 0;
  std::vector<stats::FailedRun> failed;
};

/// Rows of one arm and task that something happened to, over its seeds.
struct RowCounts {
  std::string arm, task;
  std::int64_t rows = 0, skipped = 0, shots_dropped = 0;
  // Of written answers: those that ended at the token limit.
  std::int64_t cut_off = 0;
  // Of choices answered in writing: answers without a letter, empty ones among them.
  std::int64_t no_letter = 0;
  std::int64_t longest_prompt = 0;
};

/// How often a row of the reference arm ended as `from` and the same row of `arm` as `to`, over
/// paired seeds. Classes are error classes; "right" where the answer is.
struct Transition {
  std::string arm, from, to;
  std::int64_t rows = 0;
};

/// Why the SQL of one task is wrong, over all seeds.
struct TaskErrors {
  // Rows by error class, {arm, {class, rows}}.
  std::map<std::string, std::map<std::string, std::int64_t>> classes;
  std::vector<Transition> transitions;
};

/// What an arm cost, by the ledger.
struct ArmLedger {
  std::string arm;
  double train_s = 0, predict_s = 0, device_hours = 0;
  std::int64_t tokens = 0, questions = 0, cells = 0, devices = 1;
  // Real tokens, prompts' and answers', for each second of prediction.
  std::optional<double> tokens_per_s;
  std::optional<double> peak_gib;
  // Of its trainings and predictions, each counted for itself; those that a kill ended, whose time
  // after their last recorded chunk or step is not known; and the seconds of training steps that
  // were made twice, which are part of train_s.
  std::int64_t starts = 0, cut_starts = 0;
  double redone_s = 0;
};

/// Labels within one task: databases and hardness, subjects and groups.
struct Grouping {
  std::string task, name;
  std::vector<std::string> labels;  // [items]
  std::map<std::string, std::vector<stats::GroupAccuracy>> by_arm;
  std::map<std::string, std::vector<stats::GroupDifference>> difference;  // reference -> arm
};

/// How a question that experts reviewed is judged: by the published key; by the corrected one,
/// where there is one; by the published key where the question has no known fault.
enum class Judged { published, corrected, clean };
inline constexpr std::array kJudged = {Judged::published, Judged::corrected, Judged::clean};
const char* name_of(Judged judged);

/// One value for each way of judging.
template <typename T>
struct ByKey {
  std::array<T, kJudged.size()> values;
  T& operator[](Judged judged) { return values[static_cast<std::size_t>(judged)]; }
  const T& operator[](Judged judged) const { return values[static_cast<std::size_t>(judged)]; }
};

/// A task whose runs tell a review of its questions.
struct Reviewed {
  std::string task;
  ByKey<std::size_t> items;
  // By arm, the reference first; and the arms' differences from it.
  std::vector<std::pair<std::string, ByKey<stats::TaskSummary>>> arms;
  std::vector<std::pair<std::string, ByKey<stats::PairSummary>>> pairs;
};

/// Everything that the report says, as numbers.
struct Analysis {
  std::string name;
  results::Primary primary = results::Primary::exec;
  std::vector<std::string> arms, tasks;
  // Every task of `tasks`.
  std::map<std::string, task::Task> known;
  // What the others are compared with: the arm `base`, or else the first one.
  std::string reference;
  std::vector<stats::ScoreTable> tables;
  stats::StudySummary summary;
  // By arm and task, where answers were sampled: "temperature 0.6, top-p 0.9".
  std::map<std::pair<std::string, std::string>, std::string> sampling;
  // "TASK +-2 points, at most 20 seeds", where seeds were added until a rule was met.
  std::string until;
  std::string until_task;
  double until_half_width = 0;  // a share
  std::vector<ArmTradeoff> tradeoffs;
  std::vector<ArmRuns> runs;  // of arms that any random stream reaches
  // `summary.pairs` without the failed runs; empty where none failed.
  std::vector<stats::PairSummary> pairs_without_failed;
  std::vector<Grouping> groupings;
  std::vector<RowCounts> counts;
  // By task of kind sql.
  std::map<std::string, TaskErrors> errors;
  // By task whose choices are scored, and arm.
  std::map<std::string, std::map<std::string, stats::Calibration>> calibration;
  std::vector<Reviewed> reviewed;
  std::vector<ArmLedger> costs;
  // For the reference against each arm and task: what would tell the difference that was seen.
  std::vector<stats::PlanResult> plans;

  const task::Task& task(const std::string& of) const { return known.at(of); }
  /// The first task of that kind; empty where there is none.
  std::string first_of(task::Kind kind) const;
  const stats::TaskSummary* summary_of(const std::string& arm, const std::string& task) const;
  const stats::PairSummary* pair_of(const std::string& a, const std::string& b,
                                    const std::string& task) const;
  const stats::ScoreTable* table_of(const std::string& arm, const std::string& task) const;
};

Analysis analyse(const Study& study);

/// What reports call the task; the name itself of one that is not built in.
std::string task_title(const std::string& task);

}  // namespace tradeoff::report
