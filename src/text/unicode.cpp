#include "unicode.hpp"

#include <vector>

namespace tradeoff::text {
namespace {

struct Range {
  std::uint32_t first, last;
  std::uint8_t cls;
};

constexpr Range kRanges[] = {
#include "unicode_ranges.inc"
};

}  // namespace

const std::uint8_t* unicode_classes() {
  static const std::vector<std::uint8_t> classes = [] {
    std::vector<std::uint8_t> table(0x110000, 0);
    for (const Range& range : kRanges)
      for (std::uint32_t point = range.first; point <= range.last; ++point)
        table[point] |= range.cls;
    return table;
  }();
  return classes.data();
}

void append_utf8(char32_t point, std::string& text) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
  const auto tail = [&](int shift) { put(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6), tail(0);
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12), tail(6), tail(0);
  } else {
    put(0xF0 | point >> 18), tail(12), tail(6), tail(0);
  }
}

}  // namespace tradeoff::text
