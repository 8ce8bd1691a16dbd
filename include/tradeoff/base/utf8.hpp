#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tradeoff {

/// Bytes of the well-formed UTF-8 sequence at the front of `text`, which is not empty (Unicode,
/// table 3-7); 0 where there is none. These are inline because the worker that runs foreign SQL
/// links nothing of ours.
inline std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) > 0x9F;
  const bool too_high = lead == 0xF4 && byte(1) > 0x8F;
  return overlong || surrogate || too_high ? 0 : length;
}

/// Offset of the first byte that does not begin or continue a well-formed UTF-8 sequence.
inline std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_sequence(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

/// Appends `bytes` without those that first_invalid_utf8 finds, as Python's
/// bytes.decode(errors="ignore") does.
inline void append_valid_utf8(std::string& out, std::string_view bytes) {
  while (const auto at = first_invalid_utf8(bytes)) {
    out.append(bytes.substr(0, *at));
    bytes.remove_prefix(*at + 1);
  }
  out.append(bytes);
}

/// `text` where each byte that first_invalid_utf8 finds is written as \xNN.
std::string with_bytes_named(std::string_view text);

/// True where UTF-8 text may be cut before byte `at`: a character begins there, or the text ends.
inline bool between_characters(std::string_view text, std::size_t at) {
  return at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
}

}  // namespace tradeoff
