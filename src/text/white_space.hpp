#pragma once
#include <string_view>

namespace tradeoff::text {

/// Python's str.strip, lstrip or rstrip of white space in UTF-8.
std::string_view strip_white(std::string_view text, bool left, bool right);

}  // namespace tradeoff::text
