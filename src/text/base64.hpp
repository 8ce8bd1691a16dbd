#pragma once
#include <string>
#include <string_view>

namespace tradeoff::text {

/// The bytes of `text` (RFC 4648, with padding) into `bytes`; false where it is not that, or empty.
bool decode_base64(std::string_view text, std::string& bytes);

}  // namespace tradeoff::text
