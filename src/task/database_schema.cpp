#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "tradeoff/base/error.hpp"
#include "tradeoff/sql/sandbox/execute.hpp"
#include "tradeoff/task/schema.hpp"

namespace tradeoff::task {
namespace {

using sql::Schema;

// Spider's words for types, by SQLite's rules of affinity (sqlite.org/datatype3.html, 3.1).
std::string type_word(std::string declared) {
  for (char& c : declared) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  const auto has = [&](const char* part) { return declared.find(part) != std::string::npos; };
  if (has("date") || has("time")) return "time";
  if (has("bool")) return "boolean";
  if (has("char") || has("clob") || has("text")) return "text";
  for (const char* part : {"int", "real", "floa", "doub", "num", "dec"})
    if (has(part)) return "number";
  return "others";
}

bool same(const std::string& a, const std::string& b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

std::optional<int> find_column(const Schema& schema, const std::string& table,
                               const std::string& column) {
  const auto is_of = [&](const Schema::Column& known) {
    return same(schema.tables[known.table], table);
  };
  for (std::size_t c = 0; c < schema.columns.size(); ++c)
    if (is_of(schema.columns[c]) && same(schema.columns[c].name, column))
      return static_cast<int>(c);
  // Without a column the primary key is meant.
  for (const int key : schema.primary_keys)
    if (column.empty() && is_of(schema.columns[key])) return key;
  return std::nullopt;
}

}  // namespace

sql::Schema schema_of_database(const std::filesystem::path& database, const std::string& db_id) {
  sql::Executor executor;
  std::vector<sql::TableColumns> read = executor.tables(database);
  std::erase_if(read, [](const sql::TableColumns& table) {
    return table.is_virtual || table.table.starts_with("sqlite_");
  });
  check(!read.empty(), fmt::format("{}: found no table", database.string()));
  Schema schema;
  schema.db_id = db_id;
  for (const sql::TableColumns& table : read) {
    const auto place = static_cast<int>(schema.tables.size());
    schema.tables.push_back(table.table);
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      if (table.in_primary_key[c])
        schema.primary_keys.push_back(static_cast<int>(schema.columns.size()));
      schema.columns.push_back({place, table.columns[c], {}, type_word(table.types[c])});
    }
  }
  for (const sql::TableColumns& table : read) {
    for (const sql::ForeignKey& key : table.foreign_keys) {
      const auto from = find_column(schema, table.table, key.column);
      const auto to = find_column(schema, key.table, key.to);
      if (from && to) schema.foreign_keys.emplace_back(*from, *to);
    }
  }
  return schema;
}

}  // namespace tradeoff::task
