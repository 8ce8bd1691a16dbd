#include "tradeoff/task/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace tradeoff::task {
namespace {

using sql::Schema;

// SQLite's keywords that its grammar does not accept as a name (no fallback to ID in parse.y),
// sorted.
constexpr std::string_view kReserved[] = {
    "add",         "all",       "alter",    "and",    "as",         "autoincrement", "between",
    "case",        "check",     "collate",  "commit", "constraint", "create",        "default",
    "deferrable",  "delete",    "distinct", "drop",   "else",       "escape",        "exists",
    "foreign",     "from",      "group",    "having", "in",         "index",         "insert",
    "intersect",   "into",      "is",       "isnull", "join",       "limit",         "not",
    "nothing",     "notnull",   "null",     "on",     "or",         "order",         "primary",
    "references",  "returning", "select",   "set",    "table",      "then",          "to",
    "transaction", "union",     "unique",   "update", "using",      "values",        "when",
    "where"};

bool is_bare(const std::string& name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
  };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (name.empty() || !is_letter(name[0])) return false;
  if (!std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || is_digit(c); })) {
    return false;
  }
  std::string lower = name;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return !std::binary_search(std::begin(kReserved), std::end(kReserved), lower);
}

std::string quoted(const std::string& name) {
  if (is_bare(name)) return name;
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  return fmt::format("{}", fmt::join(parts, between));
}

// The columns of table `t`, in the order of the file.
std::vector<const Schema::Column*> columns_of(const Schema& schema, std::size_t t) {
  std::vector<const Schema::Column*> columns;
  for (const Schema::Column& column : schema.columns)
    if (column.table == static_cast<int>(t)) columns.push_back(&column);
  return columns;
}

std::string full_name(const Schema& schema, int column) {
  const Schema::Column& known = schema.columns[column];
  return quoted(schema.tables[known.table]) + "." + quoted(known.name);
}

std::string compact_text(const Schema& schema) {
  std::vector<std::string> lines;
  for (std::size_t t = 0; t < schema.tables.size(); ++t) {
    std::vector<std::string> names;
    for (const auto* column : columns_of(schema, t)) names.push_back(quoted(column->name));
    lines.push_back(fmt::format("# {} ( {} )", quoted(schema.tables[t]), join(names, ", ")));
  }
  std::vector<std::string> primary, foreign;
  for (const int key : schema.primary_keys) primary.push_back(full_name(schema, key));
  for (const auto& [from, to] : schema.foreign_keys)
    foreign.push_back(full_name(schema, from) + " = " + full_name(schema, to));
  if (!primary.empty()) lines.push_back(fmt::format("# primary keys ( {} )", join(primary, ", ")));
  if (!foreign.empty()) lines.push_back(fmt::format("# foreign keys ( {} )", join(foreign, ", ")));
  return join(lines, "\n");
}

std::string create_table_text(const Schema& schema) {
  std::vector<std::string> statements;
  for (std::size_t t = 0; t < schema.tables.size(); ++t) {
    const auto is_here = [&](int column) {
      return schema.columns[column].table == static_cast<int>(t);
    };
    std::vector<std::string> lines, primary;
    for (const auto* column : columns_of(schema, t)) {
      std::string type = column->type == "others" ? "" : " " + column->type;
      for (char& c : type) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      lines.push_back("  " + quoted(column->name) + type);
    }
    for (const int key : schema.primary_keys)
      if (is_here(key)) primary.push_back(quoted(schema.columns[key].name));
    if (!primary.empty()) lines.push_back(fmt::format("  PRIMARY KEY ({})", join(primary, ", ")));
    for (const auto& [from, to] : schema.foreign_keys) {
      if (!is_here(from)) continue;
      const Schema::Column& other = schema.columns[to];
      lines.push_back(fmt::format("  FOREIGN KEY ({}) REFERENCES {}({})",
                                  quoted(schema.columns[from].name),
                                  quoted(schema.tables[other.table]), quoted(other.name)));
    }
    statements.push_back(
        fmt::format("CREATE TABLE {} (\n{}\n);", quoted(schema.tables[t]), join(lines, ",\n")));
  }
  return join(statements, "\n");
}

}  // namespace

std::string schema_text(const sql::Schema& schema, SchemaStyle style) {
  return style == SchemaStyle::compact ? compact_text(schema) : create_table_text(schema);
}

}  // namespace tradeoff::task
