#pragma once
#include <string_view>

namespace tradeoff {

/// Longest name that is taken, so that what is put before and after it still fits a file system.
inline constexpr std::size_t kMaxNameBytes = 128;

/// Whether `name` may become a part of a path: not empty, at most kMaxNameBytes, no '/', no '\',
/// no control character, no dot first (so neither "..", nor a hidden file).
bool is_file_name(std::string_view name);

/// Throws Error("WHAT \"name\": ...") unless is_file_name(name). Every name that comes out of a
/// file and goes into a path is given here where it is read.
void check_file_name(std::string_view what, std::string_view name);

}  // namespace tradeoff
