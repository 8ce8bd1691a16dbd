#include "tradeoff/store/run_table.hpp"

#include <fmt/format.h>

#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include "run_texts.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::store {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

void append(Ints& column, std::int64_t value, const RunShape&) {
  column.push_back(value);
}
void append(Strings& column, std::string_view value, const RunShape&) {
  column.emplace_back(value);
}
void append(Doubles& column, std::optional<double> value, const RunShape&) {
  column.push_back(value.value_or(kMissing));
}
void append(Flags& column, std::optional<bool> value, const RunShape&) {
  column.push_back(value ? (*value ? 1 : 0) : -1);
}
void append(RaggedInts& column, const std::vector<std::int32_t>& values, const RunShape&) {
  column.add(Ints(values.begin(), values.end()));
}
// Of a question of fewer choices than others the last ones are missing; of a skipped one all.
void append(Matrix& column, const std::vector<double>& values, const RunShape& shape) {
  check(values.size() <= shape.choices,
        fmt::format("{} log-probabilities, expected at most {}", values.size(), shape.choices));
  column.values.insert(column.values.end(), values.begin(), values.end());
  column.values.insert(column.values.end(), shape.choices - values.size(), kMissing);
}

const WrittenAnswer& written(const RunRow& row) {
  return row.prediction->written();
}
const ChosenAnswer& chosen(const RunRow& row) {
  return row.prediction->chosen();
}
const SqlJudgement& query(const RunRow& row) {
  return std::get<SqlJudgement>(row.judgement);
}
const LetterJudgement& letter(const RunRow& row) {
  return std::get<LetterJudgement>(row.judgement);
}

// Every column of a table in its order, and what stands there of a row.
constexpr std::tuple kColumns = {
    // clang-format off
    std::pair{column::kItem, [](const RunRow& row) { return row.item; }},
    std::pair{column::kPromptTokens, [](const RunRow& row) { return row.prediction->prompt_tokens; }},
    std::pair{column::kShotsUsed, [](const RunRow& row) { return row.shots_used; }},
    std::pair{column::kSkipped, [](const RunRow& row) { return row.skipped; }},
    std::pair{column::kOverflow, [](const RunRow& row) -> std::string_view { return row.overflow; }},
    std::pair{column::kText, [](const RunRow& row) -> std::string_view { return written(row).text; }},
    std::pair{column::kTokenIds, [](const RunRow& row) -> const auto& { return written(row).token_ids; }},
    std::pair{column::kTokens, [](const RunRow& row) { return std::ssize(written(row).token_ids); }},
    std::pair{column::kFinish, [](const RunRow& row) { return name_of(written(row).finish); }},
    std::pair{column::kSql, [](const RunRow& row) -> std::string_view { return written(row).read; }},
    std::pair{column::kOutcome, [](const RunRow& row) -> std::string_view { return query(row).outcome; }},
    std::pair{column::kErrorClass, [](const RunRow& row) -> std::string_view { return query(row).error_class; }},
    std::pair{column::kMessage, [](const RunRow& row) -> std::string_view { return query(row).message; }},
    std::pair{column::kResult, [](const RunRow& row) -> std::string_view { return query(row).result; }},
    std::pair{column::kExec, [](const RunRow& row) { return query(row).exec; }},
    std::pair{column::kExecKeepDistinct, [](const RunRow& row) { return query(row).exec_keep_distinct; }},
    std::pair{column::kMatch, [](const RunRow& row) { return query(row).match; }},
    std::pair{column::kSet, [](const RunRow& row) { return query(row).set; }},
    std::pair{column::kStrict, [](const RunRow& row) { return query(row).strict; }},
    std::pair{column::kSoftF1, [](const RunRow& row) { return query(row).soft_f1; }},
    std::pair{column::kNonEmpty, [](const RunRow& row) { return query(row).non_empty; }},
    std::pair{column::kAnswer, [](const RunRow& row) -> std::string_view { return letter(row).letter; }},
    std::pair{column::kCorrect, [](const RunRow& row) { return letter(row).correct; }},
    std::pair{column::kReading, [](const RunRow& row) -> std::string_view { return letter(row).reading; }},
    std::pair{column::kChoiceLogprobs, [](const RunRow& row) -> const auto& { return chosen(row).logprobs; }},
    std::pair{column::kGreedy, [](const RunRow& row) { return chosen(row).greedy.value_or(kUnknownGreedy); }},
    std::pair{column::kLogprob, [](const RunRow& row) { return written(row).logprob; }},
    std::pair{column::kResultHash, [](const RunRow& row) -> std::string_view { return query(row).result_hash; }},
    std::pair{column::kClean, [](const RunRow& row) { return letter(row).clean; }},
    std::pair{column::kCorrected, [](const RunRow& row) { return letter(row).corrected; }},
};
// clang-format on

bool has_column(const RunShape& shape, Answers of) {
  const bool sql = shape.form == Form::sql, choice = shape.form == Form::choice;
  switch (of) {
    case Answers::all:
      return true;
    case Answers::written:
      return !choice;
    case Answers::sql:
      return sql;
    case Answers::letter:
      return shape.form == Form::letter;
    case Answers::choice:
      return choice;
    case Answers::by_letter:
      return !sql;
    case Answers::corrected:
      return !sql && shape.corrections;
    case Answers::sampled:
      return !choice && shape.sampled;
    case Answers::sampled_sql:
      return sql && shape.sampled;
  }
  return false;
}

template <typename T, typename Cell>
void add_column(Table& table, const RunColumn<T>& column, const Cell& cell,
                std::span<const RunRow> rows, const RunShape& shape) {
  if (!has_column(shape, column.of)) return;
  T values;
  if constexpr (std::is_same_v<T, Matrix>) values.width = shape.choices;
  for (const RunRow& row : rows) append(values, cell(row), shape);
  table.add(std::string(column.name), std::move(values));
}

}  // namespace

Table run_table(std::span<const RunRow> rows, const RunShape& shape) {
  Table table;
  std::apply(
      [&](const auto&... column) {
        (add_column(table, column.first, column.second, rows, shape), ...);
      },
      kColumns);
  return table;
}

std::string_view run_column_text(std::string_view name) {
  if (name == column::kSample.name) return column::kSample.text;
  std::string_view text;
  std::apply(
      [&](const auto&... column) {
        ((column.first.name == name ? void(text = column.first.text) : void()), ...);
      },
      kColumns);
  return text;
}

}  // namespace tradeoff::store
