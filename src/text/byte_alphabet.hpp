#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tradeoff::text {

/// GPT-2's alphabet, in which vocabulary files spell bytes: each byte is one printable character,
/// itself where it is one (0x21-0x7E, 0xA1-0xAC, 0xAE-0xFF), else U+0100 and the following in turn.
std::string spell_bytes(std::string_view bytes);
/// nullopt where a character is not of the alphabet.
std::optional<std::string> unspell_bytes(std::string_view spelling);

}  // namespace tradeoff::text
