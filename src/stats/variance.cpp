#include <algorithm>
#include <cmath>
#include <numeric>

#include "distribution.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/stats/uncertainty.hpp"

namespace tradeoff::stats {
namespace {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double squares_about(std::span<const double> values, double centre) {
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return sum;
}

}  // namespace

Interval wilson(double rate, std::uint64_t n, double level) {
  if (!(rate >= 0 && rate <= 1)) {
    fail("Wilson interval of rate " + std::to_string(rate) + ", expected a number in [0, 1]");
  }
  if (n == 0) return {0, 1};
  const double z = normal_quantile(0.5 + level / 2), count = static_cast<double>(n);
  const double shrink = 1 + z * z / count;
  const double centre = (rate + z * z / (2 * count)) / shrink;
  const double half =
      z / shrink * std::sqrt(rate * (1 - rate) / count + z * z / (4 * count * count));
  // Exact at the ends, where the difference would leave rounding.
  return {rate == 0 ? 0 : std::max(0.0, centre - half),
          rate == 1 ? 1 : std::min(1.0, centre + half)};
}

Interval korn_graubard(double rate, const std::optional<StandardError>& error, std::uint64_t items,
                       std::uint64_t cells, double level) {
  if (!(rate >= 0 && rate <= 1)) {
    fail("Korn-Graubard interval of rate " + std::to_string(rate) +
         ", expected a number in [0, 1]");
  }
  if (items == 0) return {0, 1};
  double n = static_cast<double>(items);
  if (error && error->se > 0 && rate > 0 && rate < 1) {
    const double tail = 0.5 + level / 2;
    const double widening =
        student_quantile(tail, std::max(1.0, n - 1)) / student_quantile(tail, error->df);
    n = std::min(static_cast<double>(cells),
                 rate * (1 - rate) / (error->se * error->se) * widening * widening);
  }
  const double right = rate * n, wrong = (1 - rate) * n, tail = (1 - level) / 2;
  return {right > 0 ? beta_quantile(tail, right, wrong + 1) : 0,
          wrong > 0 ? beta_quantile(1 - tail, right + 1, wrong) : 1};
}

double proportion_upper_limit(std::uint64_t successes, std::uint64_t n, double level) {
  if (successes > n) fail("more successes than trials");
  if (successes == n) return 1;
  return beta_quantile(level, static_cast<double>(successes) + 1,
                       static_cast<double>(n - successes));
}

std::optional<double> seed_sd(const ItemScores& scores) {
  if (scores.seeds < 2 || scores.items == 0) return std::nullopt;
  const std::vector<double> means = scores.seed_means();
  return std::sqrt(squares_about(means, mean_of(means)) / static_cast<double>(scores.seeds - 1));
}

std::optional<VarianceComponents> variance_components(const ItemScores& scores) {
  if (scores.seeds < 2 || scores.items < 2) return std::nullopt;
  const double n = static_cast<double>(scores.items), k = static_cast<double>(scores.seeds);
  const std::vector<double> question = scores.item_means(), seed = scores.seed_means();
  const double mean = mean_of(seed);
  double residual = 0;
  for (std::size_t i = 0; i < scores.items; ++i) {
    for (std::size_t s = 0; s < scores.seeds; ++s) {
      const double gap = scores.values[i * scores.seeds + s] - question[i] - seed[s] + mean;
      residual += gap * gap;
    }
  }
  VarianceComponents out;
  out.ms_question = k * squares_about(question, mean) / (n - 1);
  out.ms_seed = n * squares_about(seed, mean) / (k - 1);
  out.ms_residual = residual / ((n - 1) * (k - 1));
  out.question_estimate = (out.ms_question - out.ms_residual) / k;
  out.seed_estimate = (out.ms_seed - out.ms_residual) / n;
  out.question = std::max(0.0, out.question_estimate);
  out.seed = std::max(0.0, out.seed_estimate);
  out.residual = out.ms_residual;
  return out;
}

}  // namespace tradeoff::stats
