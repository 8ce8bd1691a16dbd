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

}  // namespace tradeoff::text
