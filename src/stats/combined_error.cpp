#include "combined_error.hpp"

#include <algorithm>

#include "distribution.hpp"

namespace tradeoff::stats {

double limit_factor(double seeds) {
  const double level = seeds < 3 ? 0.70 : 0.60;
  return (seeds - 1) / chi_squared_quantile(1 - level, seeds - 1);
}

double CombinedError::runs() const {
  return std::max(0.0, between - noise) / seeds;
}

double CombinedError::df() const {
  const double own = seeds - 1, limit = between * factor;
  if (limit <= noise) return items_df;
  const double total = items + (limit - noise) / seeds;
  const double spread = limit / seeds, rest = noise / seeds;
  const double lost = items * items / items_df + spread * spread / own + rest * rest / noise_df;
  // What is subtracted can push the formula below the parts' own degrees of freedom.
  return std::max(std::min(items_df, own), total * total / lost);
}

}  // namespace tradeoff::stats
