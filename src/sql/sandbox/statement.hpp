#pragma once
#include <string>
#include <string_view>

#include "tradeoff/sql/sandbox/execute.hpp"

namespace tradeoff::sql {

/// What a prediction is before SQLite sees it.
struct Screening {
  // ok (to be executed), empty_output, no_sql or denied.
  Outcome outcome = Outcome::ok;
  std::string message;
};

/// blank -> empty_output; a statement other than SELECT/WITH, several statements, or an over-long
/// one
/// -> denied; no SELECT anywhere and no leading WITH -> no_sql; a NUL byte -> sql_error.
Screening screen(std::string_view sql);

/// True when the statement has ORDER BY outside all parentheses.
bool orders_rows(std::string_view sql);

}  // namespace tradeoff::sql
