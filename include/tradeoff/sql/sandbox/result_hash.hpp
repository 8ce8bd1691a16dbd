#pragma once
#include <string>

#include "tradeoff/sql/sandbox/value.hpp"

namespace tradeoff::sql {

/// 16 hex digits, equal for equal bags of rows (Value's ==, columns by position, rows in any order)
/// on every machine; results without a row are all equal.
std::string result_hash(const Rows& rows);

}  // namespace tradeoff::sql
