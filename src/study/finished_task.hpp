#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/store/judgement.hpp"
#include "tradeoff/store/prediction.hpp"
#include "tradeoff/store/predictions_file.hpp"
#include "tradeoff/study/options.hpp"
#include "tradeoff/study/prediction.hpp"

namespace tradeoff::study {

/// A task of a cell, answered and, where answers are queries, judged.
struct FinishedTask {
  const PredictionPlan& plan;
  std::span<const store::Prediction> rows;    // of the plan: one an item and sample
  std::vector<store::Judgement> judged = {};  // of queries, as `rows`; letters need none
  bool reached_by_seed = true;                // study::reached_by_seed
};

/// Puts the run of a finished task into `predictions`, and its prompts into /summary, where runs
/// with equal prompts share them.
void store_task(const store::RunKey& key, FinishedTask done, store::Predictions& predictions);

/// Of this program, of how its answers are read, and of every task's prompts, for predictions.h5.
std::map<std::string, std::string> versions_of(const StudyOptions& options);

}  // namespace tradeoff::study
