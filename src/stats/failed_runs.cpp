#include "tradeoff/stats/failed_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tradeoff/stats/uncertainty.hpp"

namespace tradeoff::stats {
namespace {

constexpr double kFarPoints = 0.15, kFarErrors = 4, kRisen = 1.5;
constexpr std::size_t kFewestSteps = 10;

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The columns `keep` of [items, seeds], where there is anything.
template <typename T>
std::vector<T> columns_of(const std::vector<T>& values, std::size_t seeds,
                          std::span<const std::size_t> keep) {
  std::vector<T> out;
  for (std::size_t row = 0; row < values.size() / seeds; ++row)
    for (const std::size_t s : keep) out.push_back(values[row * seeds + s]);
  return out;
}

}  // namespace

std::optional<std::string> training_failure(std::span<const double> losses) {
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (!std::isfinite(losses[i])) {
      return fmt::format("training: loss {} at step {}", losses[i], i + 1);
    }
  }
  if (losses.size() < kFewestSteps) return std::nullopt;
  const std::size_t tenth = losses.size() / 10;
  const double start = mean(losses.first(tenth)), end = mean(losses.last(tenth));
  if (!(end > kRisen * start)) return std::nullopt;
  return fmt::format("training: loss ends at {:.3g}, its start was {:.3g}", end, start);
}

std::vector<FarBelow> runs_far_below(const ItemScores& scores) {
  std::vector<FarBelow> out;
  if (scores.seeds < 3 || scores.items == 0) return out;
  const std::vector<double> accuracy = scores.seed_means();
  for (std::size_t s = 0; s < accuracy.size(); ++s) {
    std::vector<double> others = accuracy;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(s));
    const double centre = median(others);
    const double error = std::sqrt(2 * centre * (1 - centre) / static_cast<double>(scores.items));
    if (centre - accuracy[s] > std::max(kFarPoints, kFarErrors * error))
      out.push_back({s, accuracy[s], centre});
  }
  return out;
}

std::string failure_rule() {
  return fmt::format(
      "A run counts as failed where its training loss is not finite or ends (mean of the last "
      "tenth of its steps) above {} times its start, or where its accuracy lies more than {:.0f} "
      "points and more than {} standard errors below the median of its arm's other runs (two of "
      "them at least)",
      kRisen, 100 * kFarPoints, kFarErrors);
}

std::vector<ScoreTable> without_failed(std::span<const ScoreTable> tables,
                                       std::span<const FailedRun> failed) {
  std::vector<ScoreTable> out;
  for (const ScoreTable& table : tables) {
    std::vector<std::size_t> keep;
    for (std::size_t s = 0; s < table.seeds.size(); ++s) {
      const bool fell = std::ranges::any_of(failed, [&](const FailedRun& run) {
        return run.arm == table.arm && run.seed == table.seeds[s];
      });
      if (!fell || table.computed_once) keep.push_back(s);
    }
    if (keep.empty()) continue;
    ScoreTable kept = table;
    if (keep.size() < table.seeds.size()) {
      const std::size_t seeds = table.seeds.size();
      kept.seeds = columns_of(table.seeds, seeds, keep);
      kept.scores = columns_of(table.scores, seeds, keep);
      kept.answers = columns_of(table.answers, seeds, keep);
      for (MetricScores& metric : kept.metrics)
        metric.scores = columns_of(metric.scores, seeds, keep);
      std::vector<std::size_t> cells(table.scores.size());
      std::iota(cells.begin(), cells.end(), std::size_t{0});
      kept.samples = table.samples.pick(columns_of(cells, seeds, keep));
    }
    out.push_back(std::move(kept));
  }
  return out;
}

double failure_limit(std::uint64_t failed, std::uint64_t runs) {
  return proportion_upper_limit(failed, runs);
}

}  // namespace tradeoff::stats
