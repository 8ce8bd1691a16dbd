#include "judgement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tradeoff/sql/judge/compare.hpp"

namespace tradeoff::sql {

namespace fs = std::filesystem;

namespace {
// Texts that may come again: those of each file. Filled-in ones (--plug_value) do not.
constexpr std::size_t kMaxRuns = 256;
}  // namespace

ResultPtr Judgement::seen(ResultPtr result) {
  if (result->outcome == Outcome::timeout || result->outcome == Outcome::crashed) lasting_ = false;
  return result;
}

ResultPtr Judgement::gold(const fs::path& database, std::string_view sql) {
  if (auto known = golds_.find(database, sql)) return seen(std::move(known));
  return seen(golds_.insert(database, sql, executor_.run(database, sql)));
}

// The text may be a gold's too, or have run for another semantics a moment ago.
ResultPtr Judgement::prediction(const fs::path& database, const std::string& sql) {
  if (auto known = golds_.find(database, sql)) return seen(std::move(known));
  for (const Run& run : runs_)
    if (run.database == &database && run.sql == sql) return run.result;
  auto result = seen(std::make_shared<const Result>(executor_.run(database, sql)));
  if (runs_.size() < kMaxRuns) runs_.push_back({&database, sql, result});
  exhausted_ = exhausted_ || result->outcome == Outcome::timeout ||
               result->outcome == Outcome::step_limit || result->outcome == Outcome::crashed;
  return result;
}

std::string Judgement::gold_failure(std::string_view gold_sql) {
  const auto failure = [&](const fs::path& database, std::string_view sql) -> std::string {
    const ResultPtr result = gold(database, sql);
    if (result->outcome == Outcome::ok) return {};
    return fmt::format("gold: {}: {}", name_of(result->outcome), result->message);
  };
  std::string found = failure(databases_.front(), gold_sql);
  for (const Distinct distinct : {Distinct::kept, Distinct::removed})
    for (const fs::path& database : databases_)
      if (found.empty()) found = failure(database, executable_text(gold_sql, distinct));
  return found;
}

bool Judgement::agree(const std::string& gold_sql, const std::string& predicted_sql) {
  const RowOrder order = mentions_order_by(gold_sql) ? RowOrder::fixed : RowOrder::free;
  return std::all_of(databases_.begin(), databases_.end(), [&](const fs::path& database) {
    const ResultPtr predicted = prediction(database, predicted_sql);
    const ResultPtr wanted = gold(database, gold_sql);
    if (predicted->outcome == Outcome::ok &&
        equal_up_to_columns(wanted->rows, predicted->rows, order))
      return true;
    if (!difference_.database) difference_ = {wanted, predicted, &database};
    return false;
  });
}

}  // namespace tradeoff::sql
