#include "tradeoff/sql/schema.hpp"

#include <fmt/format.h>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff::sql {
namespace {

const Json& list(const Json& entry, std::string_view key) {
  const auto found = entry.find(key);
  check(found != entry.end() && found->is_array(),
        fmt::format("expected a list under \"{}\"", key));
  return *found;
}

std::vector<std::string> names(const Json& entry, std::string_view key) {
  std::vector<std::string> result;
  for (const Json& name : list(entry, key)) {
    check(name.is_string(), fmt::format("\"{}\": expected names", key));
    result.push_back(name.get<std::string>());
  }
  return result;
}

Schema::Column column_of(const Json& original, const Json* natural, std::size_t tables) {
  check(original.is_array() && original.size() == 2 && original[0].is_number_integer() &&
            original[1].is_string(),
        "\"column_names_original\": expected pairs of table index and name");
  Schema::Column column{original[0].get<int>(), original[1].get<std::string>(), {}};
  check(column.table >= -1 && column.table < static_cast<int>(tables),
        fmt::format("column {}: table index {} of {} tables", column.name, column.table, tables));
  if (natural && natural->is_array() && natural->size() == 2 && (*natural)[1].is_string())
    column.natural = (*natural)[1].get<std::string>();
  return column;
}

Schema schema_of(const Json& entry) {
  Schema schema;
  schema.db_id = field<std::string>(entry, "db_id");
  schema.tables = names(entry, "table_names_original");
  if (entry.contains("table_names")) schema.natural_tables = names(entry, "table_names");
  schema.natural_tables.resize(schema.tables.size());
  const Json& columns = list(entry, "column_names_original");
  const Json* natural = entry.contains("column_names") ? &list(entry, "column_names") : nullptr;
  for (std::size_t i = 0; i < columns.size(); ++i)
    schema.columns.push_back(column_of(columns[i],
                                       natural && i < natural->size() ? &(*natural)[i] : nullptr,
                                       schema.tables.size()));
  for (const Json& key : list(entry, "foreign_keys")) {
    check(key.is_array() && key.size() == 2 && key[0].is_number_integer() &&
              key[1].is_number_integer(),
          "\"foreign_keys\": expected pairs of column indices");
    const std::pair pair{key[0].get<int>(), key[1].get<int>()};
    for (const int column : {pair.first, pair.second})
      check(column >= 0 && column < static_cast<int>(schema.columns.size()),
            fmt::format("foreign key names column {} of {}", column, schema.columns.size()));
    schema.foreign_keys.push_back(pair);
  }
  return schema;
}

}  // namespace

Schemas::Schemas(const std::filesystem::path& tables_json) {
  const Json entries = read_json(tables_json);
  check(entries.is_array(), fmt::format("{}: expected a list of databases", tables_json.string()));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    try {
      Schema schema = schema_of(entries[i]);
      const std::string db_id = schema.db_id;
      schemas_.insert_or_assign(db_id, std::move(schema));
    } catch (const std::exception& error) {
      fail(fmt::format("{}: entry {}: {}", tables_json.string(), i, error.what()));
    }
  }
}

const Schema* Schemas::find(std::string_view db_id) const {
  const auto found = schemas_.find(db_id);
  return found == schemas_.end() ? nullptr : &found->second;
}

}  // namespace tradeoff::sql
