#include "prediction_cost.hpp"

#include <algorithm>

namespace tradeoff::study {

StartsCost starts_cost(const store::JournalsTold& journals) {
  StartsCost cost;
  cost.starts = std::ssize(journals.starts) + static_cast<std::int64_t>(journals.unknown_starts);
  cost.cut = static_cast<std::int64_t>(journals.unknown_starts);
  cost.redone = static_cast<std::int64_t>(journals.redone_rows);
  for (const store::StartCost& one : journals.starts) {
    cost.cut += one.ended ? 0 : 1;
    cost.ranks = std::max<std::int64_t>(cost.ranks, one.start.ranks);
    cost.seconds += one.seconds;
    cost.device_seconds += one.seconds * one.start.ranks;
  }
  return cost;
}

results::LedgerEntry prediction_cost(results::LedgerEntry of, const PredictionPlan& plan,
                                     std::span<const store::Prediction> rows,
                                     const StartsCost& cost, std::int64_t peak_bytes) {
  of.questions = std::ssize(plan.items);
  for (const auto& prompt : plan.prompts) of.prompt_tokens += std::ssize(prompt);
  if (plan.written())
    for (const store::Prediction& row : rows) of.new_tokens += std::ssize(row.written().token_ids);
  of.seconds = cost.seconds;
  of.device_seconds = cost.device_seconds;
  of.ranks = cost.ranks;
  of.peak_bytes = peak_bytes;
  of.starts = cost.starts;
  of.cut_starts = cost.cut;
  of.redone = cost.redone;
  return of;
}

}  // namespace tradeoff::study
