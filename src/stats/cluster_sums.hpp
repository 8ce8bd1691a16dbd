#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace tradeoff::stats {

/// All that a cluster-robust error or a cluster bootstrap of a mean needs of the data.
struct ClusterSums {
  std::vector<double> total, size;  // [clusters]
  double mean = 0;                  // over items
};
/// Throws Error for values that are not finite, cluster numbers out of range, a cluster without
/// items.
ClusterSums cluster_sums(std::span<const double> values, std::span<const std::uint32_t> cluster,
                         std::size_t clusters);

}  // namespace tradeoff::stats
