#include "tradeoff/stats/accuracy.hpp"

#include <algorithm>
#include <map>

#include "tradeoff/base/error.hpp"

namespace tradeoff::stats {
namespace {

std::optional<double> metric_mean(const ScoreTable& table, const MetricScores& metric,
                                  const ItemScores& scores) {
  double sum = 0;
  bool any = false;
  const std::size_t seeds = table.seeds.size();
  for (const std::size_t row : scores.row) {
    for (std::size_t s = 0; s < seeds; ++s) {
      const auto& score = metric.scores[row * seeds + s];
      any = any || score.has_value();
      sum += score.value_or(0);
    }
  }
  if (!any) return std::nullopt;
  return sum / static_cast<double>(scores.items * seeds);
}

}  // namespace

std::vector<Floor> letter_floors(std::span<const std::string> gold) {
  if (gold.empty()) return {};
  std::map<std::string, std::uint64_t> count;
  for (const std::string& letter : gold) ++count[letter];
  std::vector<Floor> floors{{"majority_letter", 0, gold.size()}};
  for (const auto& [letter, right] : count) {
    floors[0].right = std::max(floors[0].right, right);
    floors.push_back({"always_" + letter, right, gold.size()});
  }
  return floors;
}

Floor count_floor(std::string name, std::span<const std::uint8_t> right) {
  const auto count = std::ranges::count_if(right, [](std::uint8_t hit) { return hit != 0; });
  return {std::move(name), static_cast<std::uint64_t>(count), right.size()};
}

TaskSummary summarize(const ScoreTable& table, std::vector<Floor> floors,
                      const BootstrapOptions& options) {
  check_table(table);
  const ItemScores scores = item_scores(table);
  TaskSummary out;
  out.arm = table.arm;
  out.task = table.task;
  out.items = scores.items;
  out.seeds = scores.seeds;
  out.n = out.items * out.seeds;
  out.clusters = scores.clusters;
  out.gold_errors = table.items.size() - scores.items;
  for (const std::size_t row : scores.row) {
    for (std::size_t s = 0; s < scores.seeds; ++s) {
      out.unscored += table.scores[row * scores.seeds + s] ? 0 : 1;
    }
  }
  out.accuracy = estimate_mean(scores, table.computed_once, options);
  if (out.accuracy.mean) {
    // A mean of graded scores may pass 1 by a rounding.
    out.accuracy.mean = std::min(1.0, *out.accuracy.mean);
    out.ci95 = accuracy_interval(scores);
    if (out.seeds == 1 && out.clusters == out.items)
      out.wilson95 = wilson(*out.accuracy.mean, out.items);
    const std::vector<double> means = scores.seed_means();
    for (std::size_t s = 0; s < scores.seeds; ++s)
      out.by_seed.push_back({table.seeds[s], means[s]});
  }
  for (const MetricScores& metric : table.metrics) {
    out.metrics.push_back({metric.name, metric_mean(table, metric, scores)});
  }
  out.samples = summarize_samples(table);
  out.floors = std::move(floors);
  return out;
}

}  // namespace tradeoff::stats
