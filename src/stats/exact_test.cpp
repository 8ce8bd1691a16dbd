#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "distribution.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/stats/paired.hpp"

namespace tradeoff::stats {

double mcnemar_exact(std::uint64_t n01, std::uint64_t n10) {
  return std::min(1.0, 2 * binomial_cdf(std::min(n01, n10), n01 + n10, 0.5));
}

std::vector<double> holm(std::span<const double> p) {
  for (const double value : p) {
    if (!(value >= 0 && value <= 1)) fail(fmt::format("p-value {}, expected one in [0, 1]", value));
  }
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::size_t i, std::size_t j) { return p[i] < p[j]; });
  std::vector<double> adjusted(p.size());
  double reached = 0;
  for (std::size_t step = 0; step < order.size(); ++step) {
    const double left = static_cast<double>(p.size() - step);
    reached = std::max(reached, std::min(1.0, left * p[order[step]]));
    adjusted[order[step]] = reached;
  }
  return adjusted;
}

void apply_holm(std::span<PairSummary> pairs) {
  std::vector<double> p;
  for (const PairSummary& pair : pairs) {
    if (pair.mcnemar_p) p.push_back(*pair.mcnemar_p);
  }
  const std::vector<double> adjusted = holm(p);
  std::size_t next = 0;
  for (PairSummary& pair : pairs) {
    pair.holm_p.reset();
    if (pair.mcnemar_p) pair.holm_p = adjusted[next++];
  }
}

}  // namespace tradeoff::stats
