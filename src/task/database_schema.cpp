#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "tradeoff/base/error.hpp"
#include "tradeoff/sql/sandbox/execute.hpp"
#include "tradeoff/task/schema.hpp"

namespace tradeoff::task {
namespace {

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

std::optional<ColumnRef> find_column(const Schema& schema, const std::string& table,
                                     const std::string& column) {
  for (std::size_t t = 0; t < schema.tables.size(); ++t) {
    if (!same(schema.tables[t].name, table)) continue;
    const auto& columns = schema.tables[t].columns;
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (same(columns[c].name, column)) return ColumnRef{t, c};
    // Without a column the primary key is meant.
    for (const ColumnRef& key : schema.primary_keys)
      if (column.empty() && key.table == t) return key;
  }
  return std::nullopt;
}

}  // namespace

Schema schema_of_database(const std::filesystem::path& database, const std::string& db_id) {
  sql::Executor executor;
  std::vector<sql::TableColumns> read = executor.tables(database);
  std::erase_if(read, [](const sql::TableColumns& table) {
    return table.is_virtual || table.table.starts_with("sqlite_");
  });
  check(!read.empty(), fmt::format("{}: found no table", database.string()));
  Schema schema;
  schema.db_id = db_id;
  for (const sql::TableColumns& table : read) {
    Table& next = schema.tables.emplace_back();
    next.name = table.table;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      if (table.in_primary_key[c]) schema.primary_keys.push_back({schema.tables.size() - 1, c});
      next.columns.push_back({table.columns[c], type_word(table.types[c])});
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
