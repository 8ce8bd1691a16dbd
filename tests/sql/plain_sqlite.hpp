#pragma once
#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tradeoff/sql/sandbox/value.hpp"

namespace tradeoff::sql {

/// SQLite as it comes, in this process, without any guard; reads one file.
class PlainConnection {
 public:
  explicit PlainConnection(const std::filesystem::path& database);
  /// Empty when the statement fails.
  std::optional<Rows> rows(std::string_view sql) const;

 private:
  std::shared_ptr<sqlite3> db_;
};

/// The same on a connection of its own.
std::optional<Rows> plain_rows(const std::filesystem::path& database, std::string_view sql);

/// Runs trusted statements on a file that is made where it is not there. Throws Error.
void plain_execute(const std::filesystem::path& database, const std::string& statements);

}  // namespace tradeoff::sql
