#pragma once
#include <string>
#include <string_view>

namespace tradeoff::sql {

/// Appends `bytes` without what is not UTF-8, as Python's bytes.decode(errors="ignore") does.
void append_valid_utf8(std::string& out, std::string_view bytes);

}  // namespace tradeoff::sql
