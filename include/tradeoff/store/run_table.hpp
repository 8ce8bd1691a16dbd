#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "tradeoff/store/judgement.hpp"
#include "tradeoff/store/prediction.hpp"
#include "tradeoff/store/run_columns.hpp"
#include "tradeoff/store/table.hpp"

namespace tradeoff::store {

/// A row of a run: what was predicted of an item, and how it is judged.
struct RunRow {
  // Index in /items/<task>.
  std::int64_t item = 0;
  const Prediction* prediction = nullptr;
  Judgement judgement;
  // Of the prompt.
  std::int64_t shots_used = 0;
  bool skipped = false;
  std::string overflow;
};

/// The rows as columns, those that `shape` has. The rows' predictions and judgements are of its
/// form.
Table run_table(std::span<const RunRow> rows, const RunShape& shape);

}  // namespace tradeoff::store
