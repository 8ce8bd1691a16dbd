#pragma once
#include <cstddef>
#include <string_view>

namespace tradeoff {

/// True where UTF-8 text may be cut before byte `at`: a character begins there, or the text ends.
inline bool between_characters(std::string_view text, std::size_t at) {
  return at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
}

}  // namespace tradeoff
