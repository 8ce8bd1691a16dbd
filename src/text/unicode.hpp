#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tradeoff::text {

// Bits of a code point's class; none is a symbol, a mark or a control character.
enum CharClass : std::uint8_t {
  kLetter = 1,  // \p{L}
  kNumber = 2,  // \p{N}
  kSpace = 4,   // \s
  kDigit = 8,   // isolated by HF's Digits
  kUpper = 16,  // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
  kLower = 32,  // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
  kWord = 64,   // \w
};

/// The class of every code point, by code point; built on the first call.
const std::uint8_t* unicode_classes();

inline constexpr std::uint32_t kNoPoint = 0xFFFFFFFF;

struct Point {
  std::uint32_t bytes;  // 1 for a byte that is not part of valid UTF-8
  std::uint32_t value;  // kNoPoint for such a byte
};

/// The character whose first byte, 0x80 or more, is text[at]; `size` ends the text.
inline Point wide_point(const std::uint8_t* text, std::size_t at, std::size_t size) {
  const auto tail = [&](std::size_t i) { return at + i < size && (text[at + i] & 0xC0) == 0x80; };
  const std::uint32_t first = text[at];
  // Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing past U+10FFFF.
  if (first >= 0xC2 && first <= 0xDF && tail(1))
    return {2, (first & 0x1F) << 6 | (text[at + 1] & 0x3Fu)};
  if (first >= 0xE0 && first <= 0xEF && tail(1) && tail(2)) {
    const std::uint32_t point =
        (first & 0x0F) << 12 | (text[at + 1] & 0x3Fu) << 6 | (text[at + 2] & 0x3Fu);
    if (point >= 0x800 && (point < 0xD800 || point > 0xDFFF)) return {3, point};
  }
  if (first >= 0xF0 && first <= 0xF4 && tail(1) && tail(2) && tail(3)) {
    const std::uint32_t point = (first & 0x07) << 18 | (text[at + 1] & 0x3Fu) << 12 |
                                (text[at + 2] & 0x3Fu) << 6 | (text[at + 3] & 0x3Fu);
    if (point >= 0x10000 && point <= 0x10FFFF) return {4, point};
  }
  return {1, kNoPoint};
}

/// The same for any first byte.
inline Point point_at(std::string_view text, std::size_t at) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  if (bytes[at] < 0x80) return {1, bytes[at]};
  return wide_point(bytes, at, text.size());
}

void append_utf8(char32_t point, std::string& text);

struct Char {
  std::uint32_t bytes;  // 1 for a byte that is not part of valid UTF-8
  std::uint8_t cls;     // none for such a byte
};

/// As wide_point, with the class alone.
inline Char wide_char(const std::uint8_t* text, std::size_t at, std::size_t size,
                      const std::uint8_t* classes) {
  const Point point = wide_point(text, at, size);
  return {point.bytes, point.value == kNoPoint ? std::uint8_t{0} : classes[point.value]};
}

}  // namespace tradeoff::text
