#include "tradeoff/task/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_name.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff::task {
namespace {

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

// One side of a pair such as [0, "name"].
const Json& side_of(const Json& pair, std::size_t side) {
  if (!pair.is_array() || pair.size() != 2)
    fail(fmt::format("found {}, expected a pair", to_line(pair)));
  return pair[side];
}

// Turns the flat column numbers of tables.json into table and place. Entry 0 is "*", which has
// none.
class ColumnIndex {
 public:
  ColumnIndex(const Json& entry, Schema& schema) {
    const auto names = field<std::vector<Json>>(entry, "column_names_original");
    const auto types = field<std::vector<std::string>>(entry, "column_types");
    if (names.size() != types.size()) {
      fail(
          fmt::format("{} column_names_original, but {} column_types", names.size(), types.size()));
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto table = value_as<std::int64_t>(side_of(names[i], 0));
      const auto name = value_as<std::string>(side_of(names[i], 1));
      if (table < 0) {
        places_.push_back(std::nullopt);
        continue;
      }
      if (table >= static_cast<std::int64_t>(schema.tables.size())) {
        fail(fmt::format("column {} \"{}\" is of table {}, but there are {} tables", i, name, table,
                         schema.tables.size()));
      }
      auto& columns = schema.tables[static_cast<std::size_t>(table)].columns;
      places_.push_back(ColumnRef{static_cast<std::size_t>(table), columns.size()});
      columns.push_back({name, types[i]});
    }
  }

  ColumnRef at(const Json& number, const char* key) const {
    const auto i = value_as<std::int64_t>(number);
    if (i < 0 || i >= static_cast<std::int64_t>(places_.size()) ||
        !places_[static_cast<std::size_t>(i)]) {
      fail(fmt::format("key \"{}\": {} is no column, expected 1 to {}", key, i,
                       std::ssize(places_) - 1));
    }
    return *places_[static_cast<std::size_t>(i)];
  }

 private:
  std::vector<std::optional<ColumnRef>> places_;
};

Schema read_schema(const Json& entry) {
  Schema schema;
  schema.db_id = field<std::string>(entry, "db_id");
  check_file_name("db_id", schema.db_id);
  for (const auto& name : field<std::vector<std::string>>(entry, "table_names_original")) {
    schema.tables.push_back({name, {}});
  }
  const ColumnIndex columns(entry, schema);
  for (const Json& key : field<std::vector<Json>>(entry, "primary_keys")) {
    // Later releases write a key of several columns as a list.
    if (key.is_array()) {
      for (const Json& part : key) schema.primary_keys.push_back(columns.at(part, "primary_keys"));
    } else {
      schema.primary_keys.push_back(columns.at(key, "primary_keys"));
    }
  }
  for (const Json& pair : field<std::vector<Json>>(entry, "foreign_keys")) {
    schema.foreign_keys.emplace_back(columns.at(side_of(pair, 0), "foreign_keys"),
                                     columns.at(side_of(pair, 1), "foreign_keys"));
  }
  return schema;
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  return fmt::format("{}", fmt::join(parts, between));
}

std::string compact_text(const Schema& schema) {
  const auto full_name = [&](ColumnRef ref) {
    const Table& table = schema.tables[ref.table];
    return quoted(table.name) + "." + quoted(table.columns[ref.column].name);
  };
  std::vector<std::string> lines;
  for (const Table& table : schema.tables) {
    std::vector<std::string> names;
    for (const Column& column : table.columns) names.push_back(quoted(column.name));
    lines.push_back(fmt::format("# {} ( {} )", quoted(table.name), join(names, ", ")));
  }
  std::vector<std::string> primary, foreign;
  for (const ColumnRef key : schema.primary_keys) primary.push_back(full_name(key));
  for (const auto& [from, to] : schema.foreign_keys) {
    foreign.push_back(full_name(from) + " = " + full_name(to));
  }
  if (!primary.empty()) lines.push_back(fmt::format("# primary keys ( {} )", join(primary, ", ")));
  if (!foreign.empty()) lines.push_back(fmt::format("# foreign keys ( {} )", join(foreign, ", ")));
  return join(lines, "\n");
}

std::string create_table_text(const Schema& schema) {
  std::vector<std::string> statements;
  for (std::size_t t = 0; t < schema.tables.size(); ++t) {
    const Table& table = schema.tables[t];
    std::vector<std::string> lines, primary;
    for (const Column& column : table.columns) {
      std::string type = column.type == "others" ? "" : " " + column.type;
      for (char& c : type) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      lines.push_back("  " + quoted(column.name) + type);
    }
    for (const ColumnRef key : schema.primary_keys) {
      if (key.table == t) primary.push_back(quoted(table.columns[key.column].name));
    }
    if (!primary.empty()) lines.push_back(fmt::format("  PRIMARY KEY ({})", join(primary, ", ")));
    for (const auto& [from, to] : schema.foreign_keys) {
      if (from.table != t) continue;
      lines.push_back(fmt::format("  FOREIGN KEY ({}) REFERENCES {}({})",
                                  quoted(table.columns[from.column].name),
                                  quoted(schema.tables[to.table].name),
                                  quoted(schema.tables[to.table].columns[to.column].name)));
    }
    statements.push_back(
        fmt::format("CREATE TABLE {} (\n{}\n);", quoted(table.name), join(lines, ",\n")));
  }
  return join(statements, "\n");
}

}  // namespace

std::map<std::string, Schema> load_schemas(const std::filesystem::path& tables_json) {
  const Json file = read_json(tables_json);
  if (!file.is_array() || file.empty()) {
    fail(fmt::format("{}: expected a list of at least one database", tables_json.string()));
  }
  std::map<std::string, Schema> schemas;
  for (std::size_t i = 0; i < file.size(); ++i) {
    try {
      Schema schema = read_schema(file[i]);
      const std::string db_id = schema.db_id;
      if (!schemas.emplace(db_id, std::move(schema)).second) {
        fail(fmt::format("db_id \"{}\" occurs a second time", db_id));
      }
    } catch (const std::exception& error) {
      const std::string name =
          file[i].is_object() && file[i].contains("db_id") ? to_line(file[i]["db_id"]) : "";
      fail(fmt::format("{}: database {} {}: {}", tables_json.string(), i, name, error.what()));
    }
  }
  return schemas;
}

std::string schema_text(const Schema& schema, SchemaStyle style) {
  return style == SchemaStyle::compact ? compact_text(schema) : create_table_text(schema);
}

}  // namespace tradeoff::task
