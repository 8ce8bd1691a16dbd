#include <algorithm>
#include <numeric>

#include "tradeoff/stats/uncertainty.hpp"

namespace tradeoff::stats {

std::string not_estimable_text(const std::string& reason) {
  return reason.find("not estimable") == std::string::npos ? "not estimable: " + reason : reason;
}

MeanEstimate estimate_mean(const ItemScores& scores, bool computed_once,
                           const BootstrapOptions& options) {
  MeanEstimate out;
  const auto empty = [&out](const char* figure, const char* reason) {
    out.reasons.push_back({figure, reason});
  };
  if (scores.items == 0) {
    empty("mean", "no items");
  } else {
    const std::vector<double> means = scores.item_means();
    out.mean = std::accumulate(means.begin(), means.end(), 0.0) / static_cast<double>(scores.items);
    out.cluster = cluster_robust(means, scores.cluster, scores.clusters);
    out.small_sample = cluster_robust_small_sample(means, scores.cluster, scores.clusters);
    out.bootstrap95 = cluster_bootstrap(means, scores.cluster, scores.clusters, options);
  }
  out.items_and_seeds = over_items_and_seeds(scores);
  out.spread = run_spread(scores);
  out.seeds = scores.seeds;
  out.samples = scores.samples;
  out.sampling = scores.sampling_variance();
  out.seed_sd = seed_sd(scores);
  out.components = variance_components(scores);

  const char* one_cluster =
      scores.clusters == 0 ? "no items" : "one cluster: variance between clusters not estimable";
  const char* one_seed = scores.items == 0 ? "no items"
                         : computed_once   ? "computed once: no random stream reaches this cell"
                                           : "one seed: seed variance not estimable";
  if (!out.cluster) empty("se_cluster", one_cluster);
  if (!out.bootstrap95) empty("ci95_bootstrap", one_cluster);
  if (!out.items_and_seeds) {
    empty("items_and_seeds", scores.clusters < 2 ? one_cluster : one_seed);
  }
  if (!out.seed_sd) empty("seed_sd", one_seed);
  if (!out.components) {
    empty("variance_components",
          scores.seeds >= 2 && scores.items == 1 ? "one item: variance not estimable" : one_seed);
  }
  return out;
}

}  // namespace tradeoff::stats
