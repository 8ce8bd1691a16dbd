#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tradeoff {

/// Offset of the first byte that does not begin or continue a well-formed UTF-8 sequence (Unicode
/// table 3-7).
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

/// `text` where each byte that first_invalid_utf8 finds is written as \xNN.
std::string with_bytes_named(std::string_view text);

/// True where UTF-8 text may be cut before byte `at`: a character begins there, or the text ends.
inline bool between_characters(std::string_view text, std::size_t at) {
  return at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
}

}  // namespace tradeoff
