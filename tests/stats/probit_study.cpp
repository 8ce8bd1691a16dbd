#include "probit_study.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "tradeoff/stats/accuracy.hpp"
#include "tradeoff/stats/failed_runs.hpp"
#include "tradeoff/stats/paired.hpp"
#include "tradeoff/stats/posterior.hpp"
#include "tradeoff/stats/sequence.hpp"

namespace tradeoff::stats {

// clang-format off
const std::vector<std::size_t> kSpiderSizes = {120, 92, 84, 82, 80, 78, 62, 62, 56, 45,
                                               42, 40, 40, 38, 30, 30, 18, 16, 15, 4};
// In the order of the subjects' names.
const std::vector<std::size_t> kMmluSizes = {
    100, 135, 152, 100, 265, 144, 100, 100, 100, 173, 102, 100, 235, 114, 145, 378, 126, 100, 310,
    203, 100, 165, 198, 193, 390, 270, 238, 151, 545, 216, 204, 237, 223, 131, 121, 108, 163, 112,
    103, 234, 100, 783, 346, 895, 306, 311, 324, 282, 1534, 272, 612, 110, 245, 201, 100, 166, 171};
// clang-format on

namespace {

constexpr double kFailed = -1.5;

double phi(double z) {
  return std::erfc(-z / std::sqrt(2.0)) / 2;
}

double square(double x) {
  return x * x;
}

// The latent's mean at which `rate` of the answers are right.
template <typename Rate>
double solve(Rate rate, double wanted) {
  double low = -20, high = 20;
  while (high - low > 1e-12) {
    const double middle = (low + high) / 2;
    (rate(middle) < wanted ? low : high) = middle;
  }
  return low;
}

double base_level(const ProbitDesign& d) {
  const double sd = std::sqrt(square(d.cluster) + square(d.item) + square(d.noise) +
                              square(d.sampling) + (d.once ? 0 : square(d.draw)));
  return solve([&](double level) { return phi(level / sd); }, d.base);
}

// Of a trained arm's latent at a given run.
double variance_within(const ProbitDesign& d) {
  return square(d.cluster) + square(d.item) + square(d.noise) + square(d.sampling) +
         square(d.arm_cluster) + square(d.arm_item) + (d.once ? 0 : square(d.draw));
}

double trained_level(const ProbitDesign& d) {
  const double without = variance_within(d);
  const double sd = std::sqrt(without + square(d.run));
  return solve(
      [&](double level) {
        return (1 - d.failing) * phi(level / sd) +
               d.failing * phi((level + kFailed) / std::sqrt(without));
      },
      d.base + d.delta);
}

ItemScores empty_scores(const ProbitDesign& d, std::size_t seeds) {
  ItemScores out;
  out.seeds = seeds;
  out.samples = d.samples;
  out.clusters = d.sizes.size();
  for (std::size_t g = 0; g < d.sizes.size(); ++g)
    out.cluster.insert(out.cluster.end(), d.sizes[g], static_cast<std::uint32_t>(g));
  out.items = out.cluster.size();
  out.row.resize(out.items);
  std::iota(out.row.begin(), out.row.end(), std::size_t{0});
  return out;
}

std::optional<StandardError> told_error(const ItemScores& scores) {
  if (const auto both = over_items_and_seeds(scores)) return both;
  return cluster_robust_small_sample(scores.item_means(), scores.cluster, scores.clusters);
}

bool holds(const Interval& interval, double truth) {
  return interval.low <= truth && truth <= interval.high;
}

}  // namespace

std::vector<std::size_t> scaled_sizes(const std::vector<std::size_t>& sizes, std::size_t items) {
  const std::size_t total = std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
  std::vector<std::size_t> out, order(sizes.size());
  std::size_t given = 0;
  for (const std::size_t size : sizes) {
    out.push_back(size * items / total);
    given += out.back();
  }
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](std::size_t g) { return sizes[g] * items % total; });
  for (std::size_t k = 0; given < items; ++k, ++given) ++out[order[k]];
  std::erase(out, std::size_t{0});
  return out;
}

ProbitRuns draw_runs(const ProbitDesign& design, std::size_t arms, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  ProbitRuns runs;
  for (std::size_t arm = 0; arm < arms; ++arm) {
    runs.effect.emplace_back();
    runs.failed.emplace_back();
    for (std::size_t s = 0; s < design.seeds; ++s) {
      runs.effect[arm].push_back(normal(random));
      runs.failed[arm].push_back(uniform(random) < design.failing);
    }
  }
  return runs;
}

ProbitArms draw_task(const ProbitDesign& d, const ProbitRuns& runs, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  // The share of the samples that are right.
  const auto right = [&](double latent) {
    double sum = 0;
    for (std::size_t k = 0; k < d.samples; ++k)
      sum += latent + (d.sampling > 0 ? d.sampling * normal(random) : 0) > 0;
    return sum / static_cast<double>(d.samples);
  };
  const std::size_t arms = runs.effect.size();
  ProbitArms out{empty_scores(d, d.once ? 1 : d.seeds),
                 std::vector<ItemScores>(arms, empty_scores(d, d.seeds))};
  const double base = base_level(d), trained = trained_level(d);
  std::vector<double> draw(d.seeds);
  if (!d.once) {
    for (double& effect : draw) effect = d.draw * normal(random);
  }
  std::vector<double> changed(arms);
  std::size_t item = 0;
  for (const std::size_t size : d.sizes) {
    const double cluster = d.cluster * normal(random);
    for (double& effect : changed) effect = d.arm_cluster * normal(random);
    for (std::size_t i = 0; i < size; ++i, ++item) {
      const double difficulty = cluster + d.item * normal(random);
      for (std::size_t s = 0; s < out.base.seeds; ++s)
        out.base.values.push_back(right(base + difficulty + draw[s] + d.noise * normal(random)));
      for (std::size_t arm = 0; arm < arms; ++arm) {
        const double level = trained + difficulty + changed[arm] + d.arm_item * normal(random);
        for (std::size_t s = 0; s < d.seeds; ++s) {
          const double run = runs.failed[arm][s] ? kFailed : d.run * runs.effect[arm][s];
          out.trained[arm].values.push_back(
              right(level + draw[s] + run + d.noise * normal(random)));
        }
      }
    }
  }
  return out;
}

ItemScores difference_of(const ItemScores& a, const ItemScores& b) {
  ItemScores out = b;
  for (std::size_t i = 0; i < b.items; ++i) {
    for (std::size_t s = 0; s < b.seeds; ++s)
      out.values[i * b.seeds + s] -= a.values[i * a.seeds + (a.seeds == 1 ? 0 : s)];
  }
  return out;
}

ItemScores columns_of(const ItemScores& scores, const std::vector<std::size_t>& keep) {
  ItemScores out = scores;
  out.seeds = keep.size();
  out.values.clear();
  for (std::size_t i = 0; i < scores.items; ++i)
    for (const std::size_t s : keep) out.values.push_back(scores.values[i * scores.seeds + s]);
  return out;
}

double delta_of_good_runs(const ProbitDesign& d) {
  return phi(trained_level(d) / std::sqrt(variance_within(d) + square(d.run))) - d.base;
}

namespace {

// Adds what the rule of failed runs does in one study; returns whether two good seeds are left.
bool add_without_failed(const ProbitDesign& design, const ProbitRuns& runs,
                        const ItemScores& trained, const ItemScores& difference,
                        std::array<double, 4>& counts, ProbitShares& out) {
  std::vector<bool> named(design.seeds);
  for (const FarBelow& run : runs_far_below(trained)) named[run.column] = true;
  std::vector<std::size_t> keep;
  for (std::size_t s = 0; s < design.seeds; ++s) {
    const bool failed = runs.failed[0][s];
    counts[failed ? 0 : 2] += 1;
    counts[failed ? 1 : 3] += named[s];
    if (!named[s]) keep.push_back(s);
  }
  if (keep.size() < std::min<std::size_t>(2, design.seeds)) return false;
  const auto error = told_error(columns_of(difference, keep));
  out.without_covered += error && holds(error->ci95, delta_of_good_runs(design));
  return true;
}

MeanEstimate estimate_of(const ItemScores& scores) {
  MeanEstimate out;
  const std::vector<double> means = scores.item_means();
  out.mean = std::accumulate(means.begin(), means.end(), 0.0) / static_cast<double>(scores.items);
  out.small_sample = cluster_robust_small_sample(means, scores.cluster, scores.clusters);
  out.items_and_seeds = over_items_and_seeds(scores);
  out.spread = run_spread(scores);
  out.seeds = scores.seeds;
  return out;
}

// Share of studies that `misses` the truth at any look, given the differences seen so far.
template <typename Misses>
double error_of_looks(const ProbitDesign& design, int studies, std::uint64_t seed, Misses misses) {
  std::mt19937_64 random(seed);
  int wrong = 0;
  for (int study = 0; study < studies; ++study) {
    const ProbitArms arms = draw_task(design, draw_runs(design, 1, random), random);
    const ItemScores difference = difference_of(arms.base, arms.trained[0]);
    std::vector<std::size_t> seen = {0, 1};
    bool missed = false;
    for (std::size_t s = 2; s < design.seeds && !missed; ++s) {
      seen.push_back(s);
      missed = misses(columns_of(difference, seen));
    }
    wrong += missed;
  }
  return static_cast<double>(wrong) / studies;
}

TaskEvidence evidence_of(const ItemScores& difference) {
  const MeanEstimate estimate = estimate_of(difference);
  TaskEvidence out;
  for (const double d : difference.values) {
    (d > 0 ? out.up : out.down) += std::abs(d);
  }
  out.up /= static_cast<double>(difference.values.size());
  out.down /= static_cast<double>(difference.values.size());
  out.items = difference.items;
  out.seeds = difference.seeds;
  out.samples = difference.samples;
  out.error = estimate.small_sample;
  out.spread = estimate.spread;
  const std::vector<double> means = difference.seed_means();
  for (std::size_t s = 0; s < means.size(); ++s) out.by_seed.emplace_back(s, means[s]);
  return out;
}

}  // namespace

double sequence_error(const ProbitDesign& design, int studies, std::uint64_t seed) {
  return error_of_looks(design, studies, seed, [&](const ItemScores& seen) {
    const auto sequence = confidence_sequence(estimate_of(seen));
    return sequence && !holds(sequence->ci95, design.delta);
  });
}

double looking_error(const ProbitDesign& design, int studies, std::uint64_t seed) {
  return error_of_looks(design, studies, seed, [&](const ItemScores& seen) {
    return !holds(over_items_and_seeds(seen)->ci95, design.delta);
  });
}

PosteriorShares simulate_posterior(const ProbitDesign& x, const ProbitDesign& y, int studies,
                                   std::uint64_t seed) {
  std::mt19937_64 random(seed);
  PosteriorOptions options;
  options.draws = 2000;
  PosteriorShares out;
  for (int study = 0; study < studies; ++study) {
    const ProbitRuns runs = draw_runs(x, 1, random);
    const ProbitArms of_x = draw_task(x, runs, random), of_y = draw_task(y, runs, random);
    options.seed = static_cast<std::uint64_t>(study);
    const TradeoffPosterior got =
        tradeoff_posterior(evidence_of(difference_of(of_x.base, of_x.trained[0])),
                           evidence_of(difference_of(of_y.base, of_y.trained[0])), options);
    out.x_covered += holds(got.x95, x.delta);
    out.y_covered += holds(got.y95, y.delta);
  }
  out.x_covered /= studies;
  out.y_covered /= studies;
  return out;
}

ProbitShares simulate(const ProbitDesign& design, int studies, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  ProbitShares out;
  std::array<double, 4> counts{};  // failed runs, named among them; good runs, named among them
  double kept = 0;
  for (int study = 0; study < studies; ++study) {
    const ProbitRuns runs = draw_runs(design, 1, random);
    const ProbitArms arms = draw_task(design, runs, random);
    out.base_covered += holds(accuracy_interval(arms.base), design.base);
    out.trained_covered += holds(accuracy_interval(arms.trained[0]), design.base + design.delta);
    const ItemScores difference = difference_of(arms.base, arms.trained[0]);
    kept += add_without_failed(design, runs, arms.trained[0], difference, counts, out);
    const auto error = told_error(difference);
    const std::vector<double> means = difference.seed_means();
    const double mean =
        std::accumulate(means.begin(), means.end(), 0.0) / static_cast<double>(means.size());
    const auto p = interval_p(mean, *error);
    if (!p) continue;
    out.estimable += 1;
    out.covered += holds(error->ci95, design.delta);
    out.called += *p < 0.05;
  }
  for (double* share : {&out.covered, &out.called}) *share /= std::max(1.0, out.estimable);
  out.without_covered /= std::max(1.0, kept);
  out.named = counts[1] / std::max(1.0, counts[0]);
  out.misnamed = counts[3] / std::max(1.0, counts[2]);
  for (double* share : {&out.base_covered, &out.trained_covered, &out.estimable}) *share /= studies;
  return out;
}

double family_wise_error(const ProbitDesign& spider, const ProbitDesign& mmlu, int studies,
                         std::uint64_t seed) {
  std::mt19937_64 random(seed);
  int wrong = 0;
  for (int study = 0; study < studies; ++study) {
    const ProbitRuns runs = draw_runs(spider, 2, random);
    std::vector<double> p;
    for (const ProbitDesign* design : {&spider, &mmlu}) {
      const ProbitArms arms = draw_task(*design, runs, random);
      for (const auto& [a, b] :
           {std::pair(&arms.base, &arms.trained[0]), std::pair(&arms.base, &arms.trained[1]),
            std::pair(&arms.trained[0], &arms.trained[1])}) {
        const ItemScores d = difference_of(*a, *b);
        const std::vector<double> means = d.seed_means();
        const double mean =
            std::accumulate(means.begin(), means.end(), 0.0) / static_cast<double>(means.size());
        if (const auto one = interval_p(mean, *told_error(d))) p.push_back(*one);
      }
    }
    wrong += std::ranges::any_of(holm(p), [](double value) { return value < 0.05; });
  }
  return static_cast<double>(wrong) / studies;
}

}  // namespace tradeoff::stats
