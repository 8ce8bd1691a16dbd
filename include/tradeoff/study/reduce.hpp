#pragma once
#include <vector>

#include "tradeoff/stats/reduce.hpp"
#include "tradeoff/store/predictions_file.hpp"
#include "tradeoff/study/options.hpp"

namespace tradeoff::study {

/// One table an arm and task, over its seeds: what the statistics work on. Spider's clusters are
/// databases, its strata hardness; MMLU's are subjects and groups.
std::vector<stats::ScoreTable> score_tables(const store::Predictions& predictions, Primary primary);

/// Accuracies, intervals and pairs of a study (design §10).
stats::StudySummary reduce_study(const store::Predictions& predictions, Primary primary,
                                 std::span<const stats::TaskFloors> floors = {});

struct ClassCount {
  std::string arm, error_class;
  std::int64_t rows = 0;  // over all seeds
};
/// Why wrong SQL is wrong, most frequent first within each arm.
std::vector<ClassCount> error_classes(const store::Predictions& predictions);

/// /summary/accuracy, /summary/error_classes: the reduced tables that stand in predictions.h5.
std::map<std::string, store::Table> summary_tables(const store::Predictions& predictions,
                                                   const stats::StudySummary& summary);

}  // namespace tradeoff::study
