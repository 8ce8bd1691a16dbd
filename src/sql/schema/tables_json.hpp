#pragma once
#include <functional>
#include <string_view>

#include "tradeoff/sql/schema/schema.hpp"

namespace tradeoff::sql {

/// Calls `take` for each database of the text of a tables.json, in one pass without a tree: the
/// file is most of what a short run reads. Throws std::exception that names the entry, or the byte
/// where the text is no JSON.
void read_tables_json(std::string_view text, SchemaUse use,
                      const std::function<void(Schema)>& take);

}  // namespace tradeoff::sql
