#include "unicode.hpp"

#include <array>

namespace tradeoff::task {
namespace {

// Bytes of white space at the front of `text`: the code points for which Python's str.isspace()
// holds.
std::size_t space_at_front(std::string_view text) {
  const unsigned char c = text.front();
  if (c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F)) return 1;
  // U+0085, U+00A0, U+1680, U+2000-200A, U+2028, U+2029, U+202F, U+205F, U+3000
  static constexpr std::array<std::string_view, 19> kWide = {
      "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
      "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
      "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
      "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
  for (const std::string_view space : kWide) {
    if (text.starts_with(space)) return space.size();
  }
  return 0;
}

std::size_t space_at_back(std::string_view text) {
  for (std::size_t length = 1; length <= 3 && length <= text.size(); ++length) {
    const std::string_view tail = text.substr(text.size() - length);
    if (space_at_front(tail) == length) return length;
  }
  return 0;
}

}  // namespace

std::string_view strip(std::string_view text) {
  for (std::size_t n; !text.empty() && (n = space_at_front(text)) > 0;) text.remove_prefix(n);
  for (std::size_t n; !text.empty() && (n = space_at_back(text)) > 0;) text.remove_suffix(n);
  return text;
}

}  // namespace tradeoff::task
