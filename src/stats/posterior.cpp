#include "tradeoff/stats/posterior.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "distribution.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/seed.hpp"

namespace tradeoff::stats {
namespace {

constexpr std::size_t kDeviations = 100, kCorrelations = 9;
// A variance below which nothing is known, 0.001 points: where nothing varied the density is
// finite.
constexpr double kLeast = 1e-10;

// Standard normal by Box & Muller 1958; the stream's order is part of the result.
double normal(SeedStream& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

// Gamma(shape, 1) by Marsaglia & Tsang 2000; below 1 through shape + 1.
double gamma(double shape, SeedStream& random) {
  if (shape < 1) {
    const double raised = gamma(shape + 1, random);
    return raised * std::pow(1 - random.uniform(), 1 / shape);
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double z = normal(random), root = 1 + c * z;
    if (root <= 0) continue;
    const double v = root * root * root, u = 1 - random.uniform();
    if (std::log(u) < z * z / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

// Questions as independent ones would be worth: Korn & Graubard's count of a difference.
double effective_items(const TaskEvidence& task) {
  const double delta = task.up - task.down, items = static_cast<double>(task.items);
  const double variance = task.up + task.down - delta * delta;
  if (!task.error || !(task.error->se > 0) || !(variance > 0)) return items;
  const double widening =
      student_quantile(0.975, std::max(1.0, items - 1)) / student_quantile(0.975, task.error->df);
  return std::min(items * static_cast<double>(task.seeds * task.samples),
                  variance / (task.error->se * task.error->se) * widening * widening);
}

struct Questions {
  double up, down, same;  // parameters of the Dirichlet
  explicit Questions(const TaskEvidence& task) {
    const double n = effective_items(task);
    up = 0.5 + n * task.up;
    down = 0.5 + n * task.down;
    same = 0.5 + n * std::max(0.0, 1 - task.up - task.down);
  }
  double draw(SeedStream& random) const {
    const double a = gamma(up, random), b = gamma(down, random), c = gamma(same, random);
    return (a - b) / (a + b + c);
  }
};

// The index whose part of `cumulative` holds `share` of the whole.
std::size_t place_of(const std::vector<double>& cumulative, double share) {
  const auto at = std::ranges::upper_bound(cumulative, share * cumulative.back());
  return std::min(static_cast<std::size_t>(at - cumulative.begin()), cumulative.size() - 1);
}

// Sums of squares of one task's differences about their mean.
double squares_of(const TaskEvidence& task) {
  double mean = 0, sum = 0;
  for (const auto& [seed, delta] : task.by_seed)
    mean += delta / static_cast<double>(task.by_seed.size());
  for (const auto& [seed, delta] : task.by_seed) sum += (delta - mean) * (delta - mean);
  return sum;
}

// Sums of squares and products of the tasks' differences about their means, over common seeds.
struct Scatter {
  double xx = 0, xy = 0, yy = 0;
  std::size_t seeds = 0;
};

Scatter scatter_of(const TaskEvidence& x, const TaskEvidence& y) {
  std::vector<std::array<double, 2>> points;
  for (const auto& [seed, of_x] : x.by_seed) {
    for (const auto& [other, of_y] : y.by_seed) {
      if (seed == other) points.push_back({of_x, of_y});
    }
  }
  Scatter out;
  out.seeds = points.size();
  double mx = 0, my = 0;
  for (const auto& [px, py] : points) {
    mx += px / static_cast<double>(points.size());
    my += py / static_cast<double>(points.size());
  }
  for (const auto& [px, py] : points) {
    out.xx += (px - mx) * (px - mx);
    out.xy += (px - mx) * (py - my);
    out.yy += (py - my) * (py - my);
  }
  return out;
}

// Nodes of one task's standard deviation between runs, and what its scatter makes of them.
class Deviations {
 public:
  // `squares` about the mean of `seeds` differences, each with `noise` of question x seed on top.
  Deviations(const TaskEvidence& task, double squares, std::size_t seeds, double scale) {
    const double noise = (task.spread ? task.spread->noise : 0) + kLeast;
    std::vector<double> logs;
    // Midpoints of equal parts of the half-Cauchy's probability.
    for (std::size_t k = 0; k < kDeviations; ++k) {
      const double p = (static_cast<double>(k) + 0.5) / static_cast<double>(kDeviations);
      const double sd = task.computed_once ? 0 : scale * std::tan(std::numbers::pi / 2 * p);
      const double variance = sd * sd + noise, df = seeds < 2 ? 0 : static_cast<double>(seeds - 1);
      nodes_.push_back(sd);
      logs.push_back(df > 0 ? -0.5 * (df * std::log(variance) + squares / variance) : 0);
    }
    const double largest = std::ranges::max(logs);
    double sum = 0;
    for (const double log : logs) cumulative_.push_back(sum += std::exp(log - largest));
  }
  double draw(SeedStream& random) const { return nodes_[place_of(cumulative_, random.uniform())]; }

 private:
  std::vector<double> nodes_, cumulative_;
};

// The tasks' correlation over runs given their standard deviations: uniform on its nodes, weighed
// by the joint normal density of the scatter (Wishart).
double draw_correlation(const Scatter& s, double variance_x, double variance_y, double shared_sd,
                        SeedStream& random) {
  const double place = random.uniform();
  std::array<double, kCorrelations> nodes{}, weights{};
  double largest = -std::numeric_limits<double>::infinity();
  for (std::size_t r = 0; r < kCorrelations; ++r) {
    nodes[r] = (2 * static_cast<double>(r) + 1) / static_cast<double>(kCorrelations) - 1;
    if (s.seeds < 2) continue;
    const double xy = nodes[r] * shared_sd;
    const double determinant = variance_x * variance_y - xy * xy;
    const double trace = (variance_y * s.xx - 2 * xy * s.xy + variance_x * s.yy) / determinant;
    weights[r] = -0.5 * (static_cast<double>(s.seeds - 1) * std::log(determinant) + trace);
    largest = std::max(largest, weights[r]);
  }
  std::vector<double> cumulative;
  double sum = 0;
  for (const double log : weights)
    cumulative.push_back(sum += s.seeds < 2 ? 1 : std::exp(log - largest));
  return nodes[place_of(cumulative, place)];
}

Interval middle95(std::vector<double> values) {
  std::ranges::sort(values);
  const double last = static_cast<double>(values.size() - 1);
  return {values[static_cast<std::size_t>(std::floor(0.025 * last))],
          values[static_cast<std::size_t>(std::ceil(0.975 * last))]};
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double correlation_of(const std::vector<double>& x, const std::vector<double>& y) {
  const double mx = mean_of(x), my = mean_of(y);
  double xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mx) * (x[i] - mx);
    xy += (x[i] - mx) * (y[i] - my);
    yy += (y[i] - my) * (y[i] - my);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

void check_evidence(const TaskEvidence& task, const char* which) {
  const bool shares =
      task.up >= 0 && task.down >= 0 && task.up + task.down <= 1 + 1e-9 && task.items > 0;
  if (!shares || task.seeds == 0)
    fail(fmt::format("posterior: {} has {} items, {} seeds, shares {} up and {} down", which,
                     task.items, task.seeds, task.up, task.down));
  for (const auto& [seed, delta] : task.by_seed)
    check(std::ranges::count(task.by_seed, seed, [](const auto& one) { return one.first; }) == 1,
          fmt::format("posterior: {} has seed {} twice", which, seed));
}

// The seed of the arm that was run again: one that was computed once stands for every seed.
bool b_is_computed_once(const PairSummary& pair) {
  return pair.by_seed.size() > 1 && pair.by_seed[0].seed_b == pair.by_seed[1].seed_b;
}

}  // namespace

EvidenceOrReason evidence_of(const PairSummary& pair) {
  if (pair.items == 0 || !pair.delta.mean) return {{}, pair.task + ": no items"};
  TaskEvidence out;
  out.up = pair.gained;
  out.down = pair.lost;
  out.items = pair.items;
  out.seeds = pair.seeds;
  out.samples = pair.samples;
  out.error = pair.delta.small_sample;
  out.spread = pair.delta.spread;
  const bool of_a = b_is_computed_once(pair);
  for (const SeedPair& seed : pair.by_seed)
    out.by_seed.emplace_back(of_a ? seed.seed_a : seed.seed_b, seed.delta);
  out.computed_once = pair.computed_once;
  return {out, {}};
}

TradeoffPosterior tradeoff_posterior(const TaskEvidence& x, const TaskEvidence& y,
                                     const PosteriorOptions& options) {
  check_evidence(x, "x");
  check_evidence(y, "y");
  check(options.draws >= 1000, "posterior: fewer than 1,000 draws");
  check(options.run_scale > 0, "posterior: run_scale is not above 0");
  SeedStream random(options.seed, "posterior");
  const Questions questions_x(x), questions_y(y);
  const Scatter scatter = scatter_of(x, y);
  const Deviations deviations_x(x, squares_of(x), x.by_seed.size(), options.run_scale);
  const Deviations deviations_y(y, squares_of(y), y.by_seed.size(), options.run_scale);
  const double noise_x = (x.spread ? x.spread->noise : 0) + kLeast;
  const double noise_y = (y.spread ? y.spread->noise : 0) + kLeast;
  const double root_x = std::sqrt(static_cast<double>(x.seeds));
  const double root_y = std::sqrt(static_cast<double>(y.seeds));
  const double shared = static_cast<double>(scatter.seeds) / (root_x * root_y);
  std::vector<double> of_x, of_y;
  for (std::uint32_t draw = 0; draw < options.draws; ++draw) {
    const double sd_x = deviations_x.draw(random), sd_y = deviations_y.draw(random);
    const double rho = shared * draw_correlation(scatter, sd_x * sd_x + noise_x,
                                                 sd_y * sd_y + noise_y, sd_x * sd_y, random);
    const double u = normal(random), v = normal(random);
    const double error_x = sd_x / root_x * u;
    const double error_y = sd_y / root_y * (rho * u + std::sqrt(1 - rho * rho) * v);
    of_x.push_back(std::clamp(questions_x.draw(random) + error_x, -1.0, 1.0));
    of_y.push_back(std::clamp(questions_y.draw(random) + error_y, -1.0, 1.0));
  }
  TradeoffPosterior out;
  out.draws = options.draws;
  out.x_mean = mean_of(of_x);
  out.y_mean = mean_of(of_y);
  out.correlation = correlation_of(of_x, of_y);
  out.x95 = middle95(of_x);
  out.y95 = middle95(of_y);
  for (const double gain : options.gains) {
    for (const double loss : options.losses) {
      std::size_t both = 0;
      for (std::size_t i = 0; i < of_x.size(); ++i) both += of_x[i] > gain && of_y[i] > -loss;
      out.chances.push_back({gain, loss, static_cast<double>(both) / options.draws});
    }
  }
  return out;
}

std::string prior_text(const PosteriorOptions& options) {
  return fmt::format(
      "shares of questions that change to right, to wrong, or not: Jeffreys (1/2 each), at the "
      "effective number of questions of their clusters; standard deviation between runs: "
      "half-Cauchy with scale {:.3g} points on each task; the tasks' correlation over runs: "
      "uniform",
      100 * options.run_scale);
}

Json to_json(const TradeoffPosterior& p) {
  Json chances = Json::array();
  for (const Chance& c : p.chances)
    chances.push_back({{"gain_above", c.gain}, {"loss_below", c.loss}, {"p", c.p}});
  return {{"draws", p.draws},
          {"x_mean", p.x_mean},
          {"x95", Json::array({p.x95.low, p.x95.high})},
          {"y_mean", p.y_mean},
          {"y95", Json::array({p.y95.low, p.y95.high})},
          {"correlation", p.correlation},
          {"chances", std::move(chances)}};
}

}  // namespace tradeoff::stats
