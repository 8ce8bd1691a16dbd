#include "tradeoff/sql/schema/schema.hpp"

#include <fmt/format.h>

#include "tables_json.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::sql {

Schemas::Schemas(const std::filesystem::path& tables_json, SchemaUse use) {
  const MappedFile file(tables_json);
  try {
    read_tables_json(file.text(), use, [&](Schema schema) {
      check(use == SchemaUse::score || !find(schema.db_id), "its db_id occurs a second time");
      add(std::move(schema));
    });
    check(use == SchemaUse::score || !schemas_.empty(), "expected a list of at least one database");
  } catch (const std::exception& error) {
    fail(fmt::format("{}: {}", tables_json.string(), error.what()));
  }
}

void Schemas::add(Schema schema) {
  std::string db_id = schema.db_id;
  schemas_.insert_or_assign(std::move(db_id), std::move(schema));
}

const Schema* Schemas::find(std::string_view db_id) const {
  const auto found = schemas_.find(db_id);
  return found == schemas_.end() ? nullptr : &found->second;
}

}  // namespace tradeoff::sql
