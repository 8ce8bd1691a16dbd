#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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

std::optional<double> interval_p(double mean, const StandardError& error) {
  if (!(error.se > 0)) return std::nullopt;
  return std::min(1.0, 2 * student_cdf(-std::abs(mean) / error.se, error.df));
}

std::optional<Noninferiority> noninferiority(double mean, const StandardError& error,
                                             double margin) {
  if (!(margin > 0 && margin < 1)) {
    fail(fmt::format("margin {}, expected a fraction between 0 and 1", margin));
  }
  if (!(error.se > 0)) return std::nullopt;
  Noninferiority out;
  out.margin = margin;
  out.p = student_cdf(-(mean + margin) / error.se, error.df);
  out.p_equivalence = std::max(out.p, student_cdf((mean - margin) / error.se, error.df));
  const double half = student_quantile(0.95, error.df) * error.se;
  out.ci90 = {mean - half, mean + half};
  return out;
}

void apply_holm(std::span<PairSummary> pairs) {
  std::vector<double> p;
  for (const PairSummary& pair : pairs) {
    if (pair.p) p.push_back(*pair.p);
  }
  const std::vector<double> adjusted = holm(p);
  std::size_t next = 0;
  for (PairSummary& pair : pairs) {
    pair.holm_p.reset();
    if (pair.p) pair.holm_p = adjusted[next++];
  }
}

}  // namespace tradeoff::stats
