#include "tradeoff/base/utf8.hpp"

#include <fmt/format.h>

namespace tradeoff {

std::string with_bytes_named(std::string_view text) {
  std::string named;
  while (const auto at = first_invalid_utf8(text)) {
    named += text.substr(0, *at);
    named += fmt::format("\\x{:02X}", static_cast<unsigned char>(text[*at]));
    text.remove_prefix(*at + 1);
  }
  return named.append(text);
}

}  // namespace tradeoff
