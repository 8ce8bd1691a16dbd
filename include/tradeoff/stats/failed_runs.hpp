#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/stats/score_table.hpp"

namespace tradeoff::stats {

/// One run (arm and seed) that failed by a stated rule. It stays in every figure; what stands
/// beside, without it, is told too.
struct FailedRun {
  std::string arm;
  std::uint64_t seed = 0;
  std::vector<std::string> reasons;  // "sql: 3.1 %, the arm's other runs 45.2 %"
};

/// Why a training counts as failed, by its loss at every optimizer step: a loss that is not finite,
/// or a mean over the last tenth of the steps above 1.5 times that over the first tenth (10 steps
/// or more). Empty: it did not fail.
std::optional<std::string> training_failure(std::span<const double> losses);

/// A run whose accuracy lies far below those of the same arm: more than 15 points below the median
/// of its other runs, and by more than 4 standard errors of a difference of two independent
/// accuracies at that median. Needs two other runs; the second of two cannot be told from the
/// first.
struct FarBelow {
  std::size_t column = 0;           // of the scores' seeds
  double accuracy = 0, others = 0;  // its own, and the median of the others
};
std::vector<FarBelow> runs_far_below(const ItemScores& scores);

/// The rule in words, for the report.
std::string failure_rule();

/// `tables` without the columns of failed runs, on every task alike. An arm whose runs all failed
/// has no table left; one that is computed once is kept.
std::vector<ScoreTable> without_failed(std::span<const ScoreTable> tables,
                                       std::span<const FailedRun> failed);

/// 95 % one-sided Clopper-Pearson upper limit for the share of runs that fail: what "none of three
/// failed" still allows (63 %).
double failure_limit(std::uint64_t failed, std::uint64_t runs);

}  // namespace tradeoff::stats
