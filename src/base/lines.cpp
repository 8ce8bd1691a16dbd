#include "tradeoff/base/lines.hpp"

#include <utility>

namespace tradeoff {

std::optional<std::string_view> Lines::next() {
  if (rest_.empty()) return std::nullopt;
  ++number_;
  const std::size_t at = rest_.substr(0, kLongestLine + 1).find('\n');
  if (at != rest_.npos) {
    end_ = End::newline;
    const std::string_view line = rest_.substr(0, at);
    rest_.remove_prefix(at + 1);
    return line;
  }
  end_ = rest_.size() > kLongestLine ? End::too_long : End::text;
  return std::exchange(rest_, {}).substr(0, kLongestLine);
}

}  // namespace tradeoff
