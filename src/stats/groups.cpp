#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "split.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/stats/accuracy.hpp"

namespace tradeoff::stats {
namespace {

struct MeanAndVariance {
  double mean = 0;
  std::optional<double> variance;  // n-1
};

MeanAndVariance moments(std::span<const double> values) {
  const double n = static_cast<double>(values.size());
  MeanAndVariance out;
  out.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (values.size() < 2) return out;
  double squares = 0;
  for (const double value : values) squares += (value - out.mean) * (value - out.mean);
  out.variance = squares / (n - 1);
  return out;
}

std::map<std::string, double> stratum_weights(const std::map<std::string, ItemScores>& strata,
                                              std::span<const StratumWeight> given) {
  std::map<std::string, double> weights;
  for (const StratumWeight& entry : given) {
    if (!strata.contains(entry.label)) {
      fail("weight for stratum " + entry.label + ", but no item lies in it");
    }
    if (!(entry.weight > 0) || !std::isfinite(entry.weight)) {
      fail(fmt::format("weight {} of stratum {}, expected a positive number", entry.weight,
                       entry.label));
    }
    if (!weights.emplace(entry.label, entry.weight).second) {
      fail("two weights for stratum " + entry.label);
    }
  }
  double sum = 0;
  for (const auto& [label, scores] : strata) {
    if (given.empty()) weights[label] = static_cast<double>(scores.items);
    if (!weights.contains(label)) fail("no weight for stratum " + label);
    sum += weights[label];
  }
  for (auto& [label, weight] : weights) weight /= sum;
  return weights;
}

}  // namespace

std::map<std::string, ItemScores> split_by(const ItemScores& scores,
                                           std::span<const std::string> labels, std::size_t rows,
                                           const char* what) {
  if (labels.size() != rows) {
    fail(fmt::format("{} {}, but {} items", labels.size(), what, rows));
  }
  std::map<std::string, ItemScores> out;
  std::map<std::string, std::map<std::uint32_t, std::uint32_t>> renumber;
  for (std::size_t i = 0; i < scores.items; ++i) {
    const std::string& label = labels[scores.row[i]];
    ItemScores& part = out[label];
    part.seeds = scores.seeds;
    auto& numbers = renumber[label];
    // Ascending cluster numbers stay ascending only if the first pass meets them so; they need not.
    const auto found = numbers.emplace(scores.cluster[i], numbers.size()).first;
    part.cluster.push_back(found->second);
    part.row.push_back(scores.row[i]);
    part.values.insert(part.values.end(), scores.values.begin() + i * scores.seeds,
                       scores.values.begin() + (i + 1) * scores.seeds);
    ++part.items;
    part.clusters = numbers.size();
  }
  return out;
}

Interval accuracy_interval(const ItemScores& scores) {
  if (scores.items == 0) return {0, 1};
  ItemScores varied = scores;
  if (scores.clusters < 2) {
    varied.clusters = scores.items;
    std::iota(varied.cluster.begin(), varied.cluster.end(), 0U);
  }
  const std::vector<double> means = varied.item_means();
  auto error = over_items_and_seeds(varied);
  if (!error) error = cluster_robust_small_sample(means, varied.cluster, varied.clusters);
  // A mean of graded scores may pass 1 by a rounding.
  return korn_graubard(std::min(1.0, moments(means).mean), error, scores.items,
                       scores.items * scores.seeds);
}

std::vector<GroupAccuracy> accuracy_by(const ScoreTable& table,
                                       std::span<const std::string> labels) {
  check_table(table);
  std::vector<GroupAccuracy> out;
  for (const auto& [label, part] :
       split_by(item_scores(table), labels, table.items.size(), "labels")) {
    const std::vector<double> means = part.item_means();
    GroupAccuracy group;
    group.label = label;
    group.items = part.items;
    group.clusters = part.clusters;
    group.accuracy = std::min(1.0, moments(means).mean);
    group.ci95 = accuracy_interval(part);
    group.cluster = cluster_robust(means, part.cluster, part.clusters);
    out.push_back(std::move(group));
  }
  return out;
}

Averages averages(const ScoreTable& table, std::span<const StratumWeight> weights) {
  check_table(table);
  const ItemScores scores = item_scores(table);
  Averages out;
  if (scores.items == 0) return out;
  const std::vector<double> means = scores.item_means();
  out.micro = moments(means).mean;
  if (const auto error = cluster_robust(means, scores.cluster, scores.clusters)) {
    out.micro_se = error->se;
  }

  std::vector<double> cluster_mean(scores.clusters), size(scores.clusters);
  for (std::size_t i = 0; i < scores.items; ++i) {
    cluster_mean[scores.cluster[i]] += means[i];
    size[scores.cluster[i]] += 1;
  }
  for (std::size_t g = 0; g < scores.clusters; ++g) cluster_mean[g] /= size[g];
  const MeanAndVariance between = moments(cluster_mean);
  out.macro = between.mean;
  if (between.variance) {
    out.macro_se = std::sqrt(*between.variance / static_cast<double>(scores.clusters));
  }

  if (table.strata.empty()) {
    if (!weights.empty()) fail("stratum weights given, but the items have no strata");
    return out;
  }
  const auto strata = split_by(scores, table.strata, table.items.size(), "strata");
  const auto share = stratum_weights(strata, weights);
  double mean = 0, variance = 0, cluster_variance = 0;
  bool has_variance = true, has_cluster_variance = true;
  for (const auto& [label, part] : strata) {
    const std::vector<double> values = part.item_means();
    const MeanAndVariance within = moments(values);
    const double weight = share.at(label);
    mean += weight * within.mean;
    has_variance = has_variance && within.variance.has_value();
    variance += weight * weight * within.variance.value_or(0) / static_cast<double>(part.items);
    const auto error = cluster_robust(values, part.cluster, part.clusters);
    has_cluster_variance = has_cluster_variance && error.has_value();
    if (error) cluster_variance += weight * weight * error->se * error->se;
  }
  out.stratified = mean;
  if (has_variance) out.stratified_se = std::sqrt(variance);
  if (has_cluster_variance) out.stratified_cluster_se = std::sqrt(cluster_variance);
  return out;
}

}  // namespace tradeoff::stats
