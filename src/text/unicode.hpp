#pragma once
#include <cstddef>
#include <cstdint>

namespace tradeoff::text {

// Bits of a code point's class; none is a symbol, a mark or a control character.
enum CharClass : std::uint8_t {
  kLetter = 1,  // \p{L}
  kNumber = 2,  // \p{N}
  kSpace = 4,   // \s
  kDigit = 8,   // isolated by HF's Digits
};

/// The class of every code point, by code point; built on the first call.
const std::uint8_t* unicode_classes();

struct Char {
  std::uint32_t bytes;  // 1 for a byte that is not part of valid UTF-8
  std::uint8_t cls;     // none for such a byte
};

/// The character whose first byte, 0x80 or more, is text[at]; `size` ends the text.
inline Char wide_char(const std::uint8_t* text, std::size_t at, std::size_t size,
                      const std::uint8_t* classes) {
  const auto tail = [&](std::size_t i) { return at + i < size && (text[at + i] & 0xC0) == 0x80; };
  const std::uint32_t first = text[at];
  // Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing past U+10FFFF.
  if (first >= 0xC2 && first <= 0xDF && tail(1))
    return {2, classes[(first & 0x1F) << 6 | (text[at + 1] & 0x3Fu)]};
  if (first >= 0xE0 && first <= 0xEF && tail(1) && tail(2)) {
    const std::uint32_t point =
        (first & 0x0F) << 12 | (text[at + 1] & 0x3Fu) << 6 | (text[at + 2] & 0x3Fu);
    if (point >= 0x800 && (point < 0xD800 || point > 0xDFFF)) return {3, classes[point]};
  }
  if (first >= 0xF0 && first <= 0xF4 && tail(1) && tail(2) && tail(3)) {
    const std::uint32_t point = (first & 0x07) << 18 | (text[at + 1] & 0x3Fu) << 12 |
                                (text[at + 2] & 0x3Fu) << 6 | (text[at + 3] & 0x3Fu);
    if (point >= 0x10000 && point <= 0x10FFFF) return {4, classes[point]};
  }
  return {1, 0};
}

}  // namespace tradeoff::text
