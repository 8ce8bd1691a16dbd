#include <algorithm>
#include <cmath>

#include "cluster_sums.hpp"
#include "distribution.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/stats/uncertainty.hpp"

namespace tradeoff::stats {
namespace {

// Linear interpolation between order statistics (Hyndman & Fan's type 7, numpy's default).
// Partially sorts `values`.
double quantile(std::vector<double>& values, double p) {
  const double place = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto at = values.begin() + below;
  std::nth_element(values.begin(), at, values.end());
  if (below + 1 == values.size()) return *at;
  const double above = *std::min_element(at + 1, values.end());
  return *at + (place - static_cast<double>(below)) * (above - *at);
}

}  // namespace

std::optional<Interval> cluster_bootstrap(std::span<const double> values,
                                          std::span<const std::uint32_t> cluster,
                                          std::size_t clusters, const BootstrapOptions& options) {
  if (clusters < 2) return std::nullopt;
  check(options.draws >= 100, "a bootstrap interval needs at least 100 draws");
  const ClusterSums sums = cluster_sums(values, cluster, clusters);
  const auto key = SeedStream(options.seed, "bootstrap").key();
  std::vector<double> means(options.draws);
  for (std::uint32_t draw = 0; draw < options.draws; ++draw) {
    double total = 0, size = 0;
    for (std::uint32_t block = 0; block * std::size_t{4} < clusters; ++block) {
      const auto words = philox4x32({block, draw, 0, 0}, key);
      const std::size_t used = std::min<std::size_t>(4, clusters - block * std::size_t{4});
      for (std::size_t w = 0; w < used; ++w) {
        // Multiply-shift: uneven by at most clusters / 2^32.
        const std::size_t pick = (static_cast<std::uint64_t>(words[w]) * clusters) >> 32;
        total += sums.total[pick];
        size += sums.size[pick];
      }
    }
    means[draw] = total / size;
  }
  double tail = 0.025;
  if (options.limits == BootstrapOptions::Limits::expanded) {
    const double groups = static_cast<double>(clusters);
    tail = normal_cdf(std::sqrt(groups / (groups - 1)) * student_quantile(0.025, groups - 1));
  }
  const double low = quantile(means, tail);
  return Interval{low, quantile(means, 1 - tail)};
}

}  // namespace tradeoff::stats
