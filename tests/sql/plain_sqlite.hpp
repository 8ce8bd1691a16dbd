#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "tradeoff/sql/value.hpp"

namespace tradeoff::sql {

/// The rows of `sql` by SQLite as it comes, in this process, without any guard; empty when it
/// fails.
std::optional<Rows> plain_rows(const std::filesystem::path& database, std::string_view sql);

/// Runs trusted statements on a file that is made where it is not there. Throws Error.
void plain_execute(const std::filesystem::path& database, const std::string& statements);

}  // namespace tradeoff::sql
