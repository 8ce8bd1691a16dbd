#pragma once
#include <filesystem>
#include <string>

#include "tradeoff/sql/schema/schema.hpp"

namespace tradeoff::task {

/// How a database is told to the model.
enum class SchemaStyle {
  compact,       // a line "# table ( column, column )" per table, then primary and foreign keys
  create_table,  // CREATE TABLE statements that SQLite accepts (but for its own sqlite_sequence)
};

/// The schema of a database as SQLite tells it: its tables but those of SQLite's own and of
/// modules. Throws Error naming the file where it cannot be read.
sql::Schema schema_of_database(const std::filesystem::path& database, const std::string& db_id);

/// The schema as text, without a line end at the end. Names that SQLite could not read bare are
/// double-quoted in both styles.
std::string schema_text(const sql::Schema& schema, SchemaStyle style);

}  // namespace tradeoff::task
