#pragma once
#include <optional>
#include <string_view>

namespace tradeoff::stats {

/// The largest loss that would not matter; a type of its own, so that points and fractions are
/// never taken for each other.
struct Margin {
  double fraction = 0;
};

/// "1 point", "0.5 points", "2 pp". A bare number of at least 1 can only be points; below 1 it
/// could be a share too and is refused. Between 0 and 100 points; nullopt for anything else.
std::optional<Margin> parse_margin(std::string_view text);

}  // namespace tradeoff::stats
