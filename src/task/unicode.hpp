#pragma once
#include <string_view>

namespace tradeoff::task {

/// `text` without white space at its ends, white space as Python's str.strip() means it.
std::string_view strip(std::string_view text);

}  // namespace tradeoff::task
