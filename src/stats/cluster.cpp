#include <algorithm>
#include <cmath>
#include <numeric>

#include "cluster_sums.hpp"
#include "combined_error.hpp"
#include "distribution.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/stats/uncertainty.hpp"

namespace tradeoff::stats {
namespace {

StandardError with_interval(double mean, double variance, double df) {
  const double se = std::sqrt(std::max(variance, 0.0));
  const double half = student_quantile(0.975, df) * se;
  return {se, df, {mean - half, mean + half}};
}

// tr(M)^2 / tr(M^2) of M = A^(1/2) C A^(1/2), A = diag(1/(1 - p_g)), C the covariance of the
// clusters' residual sums, C = W - p w' - w p' + (1'w) p p' with p = n_g/n and w the variances of
// the sums. C is diagonal plus rank two, so both traces cost one pass over the clusters.
double satterthwaite_df(const ClusterSums& sums, double n, double correlation) {
  double total_w = 0;
  for (const double size : sums.size) {
    total_w += size * (1 - correlation) + size * size * correlation;
  }
  double trace = 0, diagonal = 0;    // sum a C_gg, sum (a w)^2
  double app = 0, apw = 0, aww = 0;  // sums of a p p, a p w, a w w
  double aawpp = 0, aawpw = 0;       // the same with a further a w
  for (const double size : sums.size) {
    const double p = size / n, a = 1 / (1 - p);
    const double w = size * (1 - correlation) + size * size * correlation;
    trace += a * (w - 2 * p * w + total_w * p * p);
    diagonal += a * a * w * w;
    app += a * p * p;
    apw += a * p * w;
    aww += a * w * w;
    aawpp += a * a * w * p * p;
    aawpw += a * a * w * p * w;
  }
  const double cross = 2 * (total_w * aawpp - 2 * aawpw);
  // K S with K = [[W, -1], [-1, 0]] and S = [[app, apw], [apw, aww]].
  const double m00 = total_w * app - apw, m01 = total_w * apw - aww;
  const double m10 = -app, m11 = -apw;
  const double low_rank = m00 * m00 + 2 * m01 * m10 + m11 * m11;
  return trace * trace / (diagonal + cross + low_rank);
}

}  // namespace

ClusterSums cluster_sums(std::span<const double> values, std::span<const std::uint32_t> cluster,
                         std::size_t clusters) {
  if (values.size() != cluster.size()) {
    fail("cluster-robust error: " + std::to_string(values.size()) + " values, but " +
         std::to_string(cluster.size()) + " cluster numbers");
  }
  ClusterSums sums{std::vector<double>(clusters), std::vector<double>(clusters), 0};
  double total = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      fail("value of item " + std::to_string(i) + " is not a finite number");
    }
    if (cluster[i] >= clusters) {
      fail("cluster number " + std::to_string(cluster[i]) + " of item " + std::to_string(i) +
           ", expected below " + std::to_string(clusters));
    }
    sums.total[cluster[i]] += values[i];
    sums.size[cluster[i]] += 1;
    total += values[i];
  }
  if (std::ranges::count(sums.size, 0.0) > 0) fail("a cluster without items");
  sums.mean = values.empty() ? 0 : total / static_cast<double>(values.size());
  return sums;
}

ClusterShape cluster_shape(std::span<const double> values, std::span<const std::uint32_t> cluster,
                           std::size_t clusters) {
  check(clusters >= 2, "cluster shape: fewer than two clusters");
  const ClusterSums sums = cluster_sums(values, cluster, clusters);
  const double n = static_cast<double>(values.size()), groups = static_cast<double>(clusters);
  double within = 0, between = 0, squares = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double gap = values[i] - sums.total[cluster[i]] / sums.size[cluster[i]];
    within += gap * gap;
  }
  for (std::size_t g = 0; g < clusters; ++g) {
    const double gap = sums.total[g] / sums.size[g] - sums.mean;
    between += sums.size[g] * gap * gap;
    squares += sums.size[g] * sums.size[g];
  }
  ClusterShape shape;
  shape.size_cv = std::sqrt(std::max(0.0, squares * groups / (n * n) - 1));
  if (values.size() == clusters) return shape;
  within /= n - groups;
  between /= groups - 1;
  const double typical = (n - squares / n) / (groups - 1);
  const double shared = std::max(0.0, (between - within) / typical);
  if (shared + within > 0) shape.correlation = shared / (shared + within);
  return shape;
}

std::optional<StandardError> cluster_robust(std::span<const double> values,
                                            std::span<const std::uint32_t> cluster,
                                            std::size_t clusters) {
  if (clusters < 2) return std::nullopt;
  const ClusterSums sums = cluster_sums(values, cluster, clusters);
  const double n = static_cast<double>(values.size()), groups = static_cast<double>(clusters);
  double meat = 0;
  for (std::size_t g = 0; g < clusters; ++g) {
    const double residual = sums.total[g] - sums.size[g] * sums.mean;
    meat += residual * residual;
  }
  return with_interval(sums.mean, groups / (groups - 1) * meat / (n * n), groups - 1);
}

std::optional<StandardError> cluster_robust_small_sample(std::span<const double> values,
                                                         std::span<const std::uint32_t> cluster,
                                                         std::size_t clusters) {
  if (clusters < 2) return std::nullopt;
  const ClusterSums sums = cluster_sums(values, cluster, clusters);
  const double n = static_cast<double>(values.size());
  double meat = 0;
  for (std::size_t g = 0; g < clusters; ++g) {
    const double residual = sums.total[g] - sums.size[g] * sums.mean;
    meat += residual * residual / (1 - sums.size[g] / n);
  }
  const double correlation = cluster_shape(values, cluster, clusters).correlation;
  return with_interval(sums.mean, meat / (n * n), satterthwaite_df(sums, n, correlation));
}

std::optional<RunSpread> run_spread(const ItemScores& scores) {
  if (scores.seeds < 2 || scores.clusters < 2) return std::nullopt;
  const std::vector<double> means = scores.item_means();
  const std::vector<double> by_seed = scores.seed_means();
  const double n = static_cast<double>(scores.items), seeds = static_cast<double>(scores.seeds);
  const double groups = static_cast<double>(scores.clusters);
  const double mean = std::accumulate(by_seed.begin(), by_seed.end(), 0.0) / seeds;
  RunSpread out;
  for (const double value : by_seed) out.between += (value - mean) * (value - mean);
  out.between /= seeds - 1;

  // What question x seed noise alone would put between the seed means, clusters kept whole.
  std::vector<double> interaction(scores.clusters * scores.seeds);  // [clusters, seeds]
  for (std::size_t i = 0; i < scores.items; ++i) {
    for (std::size_t s = 0; s < scores.seeds; ++s) {
      interaction[scores.cluster[i] * scores.seeds + s] +=
          scores.values[i * scores.seeds + s] - means[i] - (by_seed[s] - mean);
    }
  }
  for (const double sum : interaction) out.noise += sum * sum;
  out.noise *= groups / (groups - 1) / (seeds - 1) / (n * n);
  out.noise_df = (groups - 1) * (seeds - 1);
  return out;
}

std::optional<StandardError> over_items_and_seeds(const ItemScores& scores) {
  const auto spread = run_spread(scores);
  if (!spread) return std::nullopt;
  const std::vector<double> means = scores.item_means();
  const StandardError items = *cluster_robust_small_sample(means, scores.cluster, scores.clusters);
  const CombinedError both{items.se * items.se, items.df,
                           spread->between,     spread->noise,
                           spread->noise_df,    static_cast<double>(scores.seeds)};
  const double mean =
      std::accumulate(means.begin(), means.end(), 0.0) / static_cast<double>(means.size());
  return with_interval(mean, both.variance(), both.df());
}

}  // namespace tradeoff::stats
