#pragma once
#include "grid.hpp"
#include "tradeoff/report/analysis/analysis.hpp"

namespace tradeoff::report {

/// Accuracy by the published key, by the corrected one, and on the clean questions, an arm a row.
Grid reviewed_accuracy_grid(const Reviewed& reviewed);
/// What each arm differs from the reference by, judged in these three ways: whether an effect
/// stands without the suspect questions.
Grid reviewed_effect_grid(const Analysis& analysis, const Reviewed& reviewed);
/// {TASK: {"items", "arms": {ARM: {JUDGED: {"items", "accuracy", "ci95"}}}, "pairs": [{"a", "b",
/// JUDGED: {"items", "delta", "ci95", "p"}}]}}; JUDGED is published, corrected or clean.
Json reviewed_json(const Analysis& analysis);

}  // namespace tradeoff::report
