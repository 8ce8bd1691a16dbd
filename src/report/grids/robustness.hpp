#pragma once
#include <vector>

#include "grid.hpp"
#include "tradeoff/report/analysis/analysis.hpp"

namespace tradeoff::report {

/// What an arm loses where the same questions are asked in other words: the paired difference of a
/// task (b) from the one that it is paired with (a), on the questions that both hold.
struct RobustnessPair {
  std::string arm, original, task;
  stats::Comparison result;
};

/// One for each arm and each task that is paired with another of the study; Holm over all of them.
std::vector<RobustnessPair> robustness(const Analysis& analysis);

/// As a table: accuracy on both tasks and the paired loss.
Grid robustness_grid(const Analysis& analysis);
/// [{"arm", "a", "b", "accuracy_a", "accuracy_b", "delta", "ci95", "p", "holm_p", "items", "n01",
/// "n10"}]; delta = b - a.
Json robustness_json(const Analysis& analysis);

}  // namespace tradeoff::report
