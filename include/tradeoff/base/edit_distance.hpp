#pragma once
#include <cstddef>
#include <string_view>

namespace tradeoff {

/// How many slips make one word of the other, by bytes (optimal string alignment): a byte put in,
/// left out or replaced, or two neighbours swapped.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace tradeoff
