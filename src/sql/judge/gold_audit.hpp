#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "tradeoff/sql/sandbox/execute.hpp"

namespace tradeoff::sql {

/// What a gold query that runs is like, as a yardstick.
struct GoldAudit {
  // No rows: every prediction without rows is right.
  bool empty = false;
  // Unequal rows of equal rank stand on both sides of an ORDER BY ... LIMIT cut: SQLite's choice
  // among them is asked of every prediction.
  bool tied = false;
  // Fails where "double quotes" cannot be strings, as in other databases.
  bool quoted_strings = false;
};

/// Runs one statement on the question's own database.
using RunSql = std::function<Result(std::string_view)>;

/// `gold` must run.
GoldAudit audit_gold(std::string_view gold, const RunSql& run);

enum class TieBreak { up, down };
/// `gold` with the ties at each ORDER BY ... LIMIT broken by its first `columns` result columns
/// (inside parentheses by the first one); unchanged where there is no such place.
std::string with_ties_broken(std::string_view gold, std::size_t columns, TieBreak direction);

/// `gold` with its "double-quoted" tokens written as [names].
std::string with_quotes_as_names(std::string_view gold);

}  // namespace tradeoff::sql
