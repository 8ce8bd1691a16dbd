#include "utf8.hpp"

#include <cstddef>

namespace tradeoff::sql {
namespace {

bool continuation(unsigned char c) {
  return (c & 0xc0) == 0x80;
}

// Length of the well-formed sequence at `i` (Unicode, table 3-7), 0 where there is none.
std::size_t sequence_length(std::string_view bytes, std::size_t i) {
  const auto at = [&](std::size_t k) {
    return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u;
  };
  const unsigned first = at(0), second = at(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continuation(second) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && continuation(at(2)) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high && continuation(at(2)) && continuation(at(3)) ? 4 : 0;
  }
  return 0;
}

}  // namespace

void append_valid_utf8(std::string& out, std::string_view bytes) {
  std::size_t start = 0, i = 0;
  while (i < bytes.size()) {
    const std::size_t length = sequence_length(bytes, i);
    if (length > 0) {
      i += length;
      continue;
    }
    out.append(bytes, start, i - start);
    start = ++i;
  }
  out.append(bytes, start);
}

}  // namespace tradeoff::sql
