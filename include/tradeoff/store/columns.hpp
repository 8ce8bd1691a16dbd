#pragma once
#include <span>
#include <string_view>

#include "tradeoff/base/json.hpp"
#include "tradeoff/store/table.hpp"

/// Columns from rows of JSON objects, as journals hold them. A key that is absent or null is a
/// missing value where the column's type has one. Throws Error naming row, key, what was found and
/// what was expected.
namespace tradeoff::store {

Ints ints_of(std::span<const Json> rows, std::string_view key);          // none may be missing
Doubles doubles_of(std::span<const Json> rows, std::string_view key);    // missing: NaN
Flags flags_of(std::span<const Json> rows, std::string_view key);        // missing: -1
Strings strings_of(std::span<const Json> rows, std::string_view key);    // missing: ""
RaggedInts ragged_of(std::span<const Json> rows, std::string_view key);  // missing: no elements
/// Rows of `width` numbers; missing: NaN in the whole row.
Matrix matrix_of(std::span<const Json> rows, std::string_view key, std::size_t width);

}  // namespace tradeoff::store
