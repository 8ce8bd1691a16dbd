#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "tradeoff/store/prediction.hpp"
#include "tradeoff/store/run_columns.hpp"
#include "tradeoff/store/table.hpp"

namespace tradeoff::store {

/// Of a query, by every rule; what was not computed is empty (columns kExec, ...).
struct SqlJudgement {
  std::optional<bool> exec, exec_keep_distinct, match, set, strict, non_empty;
  std::optional<double> soft_f1;
  std::string outcome, error_class, message, result, result_hash;
  bool operator==(const SqlJudgement&) const = default;
};

/// Of a letter: the one that is judged, by which rule it was read from a text, whether it is right.
struct LetterJudgement {
  std::string letter, reading;
  bool correct = false;
  std::optional<bool> clean, corrected;
  bool operator==(const LetterJudgement&) const = default;
};

using Judgement = std::variant<SqlJudgement, LetterJudgement>;

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
