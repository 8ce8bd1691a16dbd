#pragma once
#include <optional>
#include <string_view>

namespace tradeoff::task {

/// Offset of the first byte that does not begin or continue a well-formed UTF-8 sequence (Unicode
/// table 3-7).
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

/// `text` without white space at its ends, white space as Python's str.strip() means it.
std::string_view strip(std::string_view text);

}  // namespace tradeoff::task
