#include "base64.hpp"

#include <cstdint>

namespace tradeoff::text {
namespace {

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

}  // namespace

bool decode_base64(std::string_view text, std::string& bytes) {
  bytes.clear();
  if (text.empty() || text.size() % 4 != 0) return false;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int digit = i < text.size() - padding ? base64_digit(text[i]) : 0;
    if (digit < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 == 3)
      for (int shift = 16; shift >= 0; shift -= 8) bytes += static_cast<char>(bits >> shift);
  }
  bytes.resize(bytes.size() - padding);
  return true;
}

}  // namespace tradeoff::text
