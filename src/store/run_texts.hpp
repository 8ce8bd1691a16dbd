#pragma once
#include <string_view>

namespace tradeoff::store {

/// What a column of a run holds; empty for a name that no run has.
std::string_view run_column_text(std::string_view name);

}  // namespace tradeoff::store
