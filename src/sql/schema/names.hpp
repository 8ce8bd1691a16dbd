#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/sql/schema/schema.hpp"

namespace tradeoff::sql {

/// Letters in lower case (ASCII, as SQLite compares names).
std::string folded(std::string_view name);
/// Edit distance 1 or 2 (base/edit_distance.hpp), and not more than half of the shorter name. Both
/// in the same case.
bool misspelt(std::string_view name, std::string_view meant);
/// Letters and digits alone, in lower case: "release_year", "Release Year" -> "releaseyear".
std::string words_only(std::string_view name);

/// A table in a FROM clause and the name it goes by.
struct Source {
  std::string table, alias;  // folded; alias is the table's name where none is given
  std::string shown;         // the alias as written; empty where there is none
};

/// The sources of every FROM clause of the statement, in order of appearance, whatever the scope.
std::vector<Source> sources_of(std::string_view sql);

/// Index of the table in the schema, -1 when it is not there. `name` folded.
int table_index(const Schema& schema, std::string_view name);
/// True when table `table` has the column. `name` folded.
bool has_column(const Schema& schema, int table, std::string_view name);

}  // namespace tradeoff::sql
