#include "tradeoff/base/file_name.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff {

bool is_file_name(std::string_view name) {
  const auto forbidden = [](unsigned char c) {
    return c < 0x20 || c == 0x7F || c == '/' || c == '\\';
  };
  return !name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' &&
         std::ranges::none_of(name, forbidden);
}

void check_file_name(std::string_view what, std::string_view name) {
  if (is_file_name(name)) return;
  const std::string shown = to_line(Json(name.substr(0, 80)));
  fail(
      fmt::format("{} {}{}: expected a name of 1 to {} bytes without '/', '\\' and control "
                  "characters, no dot first",
                  what, shown, name.size() > 80 ? "..." : "", kMaxNameBytes));
}

}  // namespace tradeoff
