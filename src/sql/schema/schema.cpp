#include "tradeoff/sql/schema/schema.hpp"

#include <fmt/format.h>

#include "tables_json.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::sql {

Schemas::Schemas(const std::filesystem::path& tables_json) {
  const MappedFile file(tables_json);
  try {
    read_tables_json(file.text(), [&](Schema schema) {
      std::string db_id = schema.db_id;
      schemas_.insert_or_assign(std::move(db_id), std::move(schema));
    });
  } catch (const std::exception& error) {
    fail(fmt::format("{}: {}", tables_json.string(), error.what()));
  }
}

const Schema* Schemas::find(std::string_view db_id) const {
  const auto found = schemas_.find(db_id);
  return found == schemas_.end() ? nullptr : &found->second;
}

}  // namespace tradeoff::sql
