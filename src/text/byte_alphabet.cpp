#include "byte_alphabet.hpp"

#include <array>
#include <cstdint>

namespace tradeoff::text {
namespace {

constexpr bool printable(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// Code point by byte; all lie below U+0144.
constexpr std::array<std::uint16_t, 256> kPoints = [] {
  std::array<std::uint16_t, 256> points{};
  std::uint16_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte)
    points[static_cast<std::size_t>(byte)] =
        printable(byte) ? static_cast<std::uint16_t>(byte) : next++;
  return points;
}();

constexpr std::array<std::int16_t, 0x144> kBytes = [] {
  std::array<std::int16_t, 0x144> bytes{};
  bytes.fill(-1);
  for (std::size_t byte = 0; byte < 256; ++byte)
    bytes[kPoints[byte]] = static_cast<std::int16_t>(byte);
  return bytes;
}();

}  // namespace

std::string spell_bytes(std::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) {
    const std::uint16_t point = kPoints[static_cast<std::uint8_t>(byte)];
    if (point < 0x80) {
      spelling += static_cast<char>(point);
    } else {
      spelling += static_cast<char>(0xC0 | point >> 6);
      spelling += static_cast<char>(0x80 | (point & 0x3F));
    }
  }
  return spelling;
}

std::optional<std::string> unspell_bytes(std::string_view spelling) {
  std::string bytes;
  for (std::size_t at = 0; at < spelling.size();) {
    std::uint32_t point = static_cast<std::uint8_t>(spelling[at++]);
    if (point >= 0x80) {
      if (point < 0xC2 || point > 0xC5 || at == spelling.size()) return std::nullopt;
      point = (point & 0x1F) << 6 | (static_cast<std::uint8_t>(spelling[at++]) & 0x3F);
    }
    if (point >= kBytes.size() || kBytes[point] < 0) return std::nullopt;
    bytes += static_cast<char>(kBytes[point]);
  }
  return bytes;
}

}  // namespace tradeoff::text
