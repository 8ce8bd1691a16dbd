#include "white_space.hpp"

#include <array>

namespace tradeoff::text {
namespace {

// What Python's str.isspace holds true of, in UTF-8.
constexpr std::array<std::string_view, 29> kPythonSpaces = {
    "\t",           "\n",           "\v",           "\f",           "\r",
    "\x1c",         "\x1d",         "\x1e",         "\x1f",         " ",
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
    "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
    "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
    "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};

}  // namespace

std::string_view strip_white(std::string_view text, bool left, bool right) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view space : kPythonSpaces) {
      if (left && text.starts_with(space)) text.remove_prefix(space.size()), again = true;
      if (right && text.ends_with(space)) text.remove_suffix(space.size()), again = true;
    }
  }
  return text;
}

}  // namespace tradeoff::text
