#include "tradeoff/stats/margin.hpp"

#include <charconv>

namespace tradeoff::stats {

std::optional<Margin> parse_margin(std::string_view text) {
  double points = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), points);
  if (error != std::errc()) return std::nullopt;
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  const bool named = unit == "point" || unit == "points" || unit == "pp";
  if (!named && !(unit.empty() && points >= 1)) return std::nullopt;
  if (!(points > 0 && points < 100)) return std::nullopt;
  return Margin{points / 100};
}

}  // namespace tradeoff::stats
