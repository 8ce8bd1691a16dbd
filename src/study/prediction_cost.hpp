#pragma once
#include <cstdint>
#include <span>

#include "tradeoff/results/ledger.hpp"
#include "tradeoff/store/journal.hpp"
#include "tradeoff/study/prediction.hpp"

namespace tradeoff::study {

/// What the journals of a prediction tell of its starts.
struct StartsCost {
  std::int64_t starts = 0, cut = 0, ranks = 1, redone = 0;
  double seconds = 0, device_seconds = 0;
};
StartsCost starts_cost(const store::JournalsTold& journals);

/// The ledger's line of a finished prediction; `of` names arm, task and seed.
results::LedgerEntry prediction_cost(results::LedgerEntry of, const PredictionPlan& plan,
                                     std::span<const store::Prediction> rows,
                                     const StartsCost& cost, std::int64_t peak_bytes);

}  // namespace tradeoff::study
