#pragma once
#include <string_view>

namespace tradeoff {

/// The commit this program was built from: 40 hex digits, "-dirty" after them where tracked files
/// differed from it; "unknown" outside git.
std::string_view build_commit();
/// "0.1.0".
std::string_view build_version();

}  // namespace tradeoff
