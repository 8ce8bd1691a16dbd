#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tradeoff::task {

/// How a database is told to the model.
enum class SchemaStyle {
  compact,       // a line "# table ( column, column )" per table, then primary and foreign keys
  create_table,  // CREATE TABLE statements that SQLite accepts (but for its own sqlite_sequence)
};

/// A column by table and place in it, both from 0.
struct ColumnRef {
  std::size_t table = 0, column = 0;
};

struct Column {
  std::string name;
  // text, number, time, boolean or others.
  std::string type;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
};

/// A database of tables.json, with the names that SQL must use (the "_original" ones).
struct Schema {
  std::string db_id;
  std::vector<Table> tables;
  std::vector<ColumnRef> primary_keys;
  // Each from the referring column to the one referred to.
  std::vector<std::pair<ColumnRef, ColumnRef>> foreign_keys;
};

/// Every database of a tables.json, by db_id. Throws Error naming file, database and key where the
/// file is not of Spider's form, an index points nowhere, or a db_id occurs twice.
std::map<std::string, Schema> load_schemas(const std::filesystem::path& tables_json);

/// The schema of a database as SQLite tells it: its tables but those of SQLite's own and of
/// modules. Throws Error naming the file where it cannot be read.
Schema schema_of_database(const std::filesystem::path& database, const std::string& db_id);

/// The schema as text, without a line end at the end. Names that SQLite could not read bare are
/// double-quoted in both styles.
std::string schema_text(const Schema& schema, SchemaStyle style);

}  // namespace tradeoff::task
