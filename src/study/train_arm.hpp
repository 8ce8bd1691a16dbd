#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

#include "tradeoff/comm/session.hpp"
#include "tradeoff/results/ledger.hpp"
#include "tradeoff/store/curve.hpp"
#include "tradeoff/store/table.hpp"
#include "tradeoff/study/options.hpp"
#include "tradeoff/task/item.hpp"

namespace tradeoff::study {

/// Trains one arm's adapter for one seed into `adapter_folder`, or goes on where a stopped run left
/// it. The seed gives LoRA's start, the order of the data and the dropout. Returns false where a
/// stop signal came first. Collective.
bool train_arm(const comm::Session& session, LoadedModel& model, const ArmOptions& arm,
               std::uint64_t seed, std::span<const task::Item> items, const Json& model_identity,
               const std::filesystem::path& adapter_folder);

/// What the training took, over all starts that did a part of it. `curve` is what the folder's
/// finished training has (train::trained_curve).
results::LedgerEntry training_cost(const ArmOptions& arm, std::uint64_t seed,
                                   std::int64_t peak_bytes, std::span<const store::CurveRow> curve,
                                   const std::filesystem::path& adapter_folder);

/// /runs/<arm>/seed-<s>/training: the loss curve without times.
store::Table training_table(std::span<const store::CurveRow> curve);

}  // namespace tradeoff::study
