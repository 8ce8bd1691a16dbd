#pragma once
#include <string>
#include <string_view>

namespace tradeoff::text {

enum class NormalForm { nfc, nfd, nfkc, nfkd };

/// `text` in one of Unicode's normal forms (UAX #15), by the tables of HF tokenizers. Bytes that
/// are not part of valid UTF-8 stay.
std::string to_normal_form(std::string_view text, NormalForm form);

/// Each character by itself in lower case, as HF's Lowercase.
std::string to_lowercase(std::string_view text);

}  // namespace tradeoff::text
