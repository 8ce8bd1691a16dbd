#pragma once
#include <span>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/stats/accuracy.hpp"
#include "tradeoff/stats/paired.hpp"

namespace tradeoff::stats {

struct TaskFloors {
  std::string task;
  std::vector<Floor> floors;
};

/// What report.json holds under "arms" and "pairs".
struct StudySummary {
  std::vector<TaskSummary> arms;   // one per table, in the order given
  std::vector<PairSummary> pairs;  // compare_all
};
/// The whole reduction of a study: gold errors shared by the arms of a task, every arm summarised,
/// every pair of arms compared, Holm over all pairs x tasks. Throws for an arm twice in one task.
StudySummary reduce(std::vector<ScoreTable> tables, std::span<const TaskFloors> floors = {},
                    const PairOptions& options = {});
/// {"arms": {ARM: {TASK: ...}}, "pairs": [...], "varies_over": {...}}
Json to_json(const StudySummary& study);

/// Two arms, or two result files: both summarised on their common items, and compared.
struct Comparison {
  TaskSummary a, b;
  PairSummary pair;
};
Comparison compare(const ScoreTable& a, const ScoreTable& b, const PairOptions& options = {});
/// Some lines for a terminal; the first says the difference and its uncertainty in words.
std::string to_text(const Comparison& comparison);
/// {"a": summary, "b": summary, "pair": ..., "varies_over": {...}}
Json to_json(const Comparison& comparison);

}  // namespace tradeoff::stats
