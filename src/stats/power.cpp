#include "power.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/math/quadrature/gauss.hpp>
#include <cmath>
#include <vector>

#include "distribution.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::stats {

namespace {

// Nodes in (0, 1) and weights that sum to 1.
template <unsigned kNodes>
std::vector<std::array<double, 2>> unit_nodes() {
  using Rule = boost::math::quadrature::gauss<double, kNodes>;
  std::vector<std::array<double, 2>> out;
  for (std::size_t k = 0; k < Rule::abscissa().size(); ++k) {
    const double x = Rule::abscissa()[k], weight = Rule::weights()[k] / 2;
    out.push_back({(1 + x) / 2, weight});
    if (x != 0) out.push_back({(1 - x) / 2, weight});
  }
  return out;
}

// What a variance is estimated times: chi-square over its degrees of freedom, at the nodes of its
// probability between `from` and `to`.
template <unsigned kNodes>
std::vector<std::array<double, 2>> variance_ratios(double df, double from = 0, double to = 1) {
  auto nodes = unit_nodes<kNodes>();
  for (auto& [value, weight] : nodes) {
    value = chi_squared_quantile(from + (to - from) * value, df) / df;
    weight *= to - from;
  }
  return nodes;
}

enum class Tails { one, two };

// The test's tail at level `tail` on either side; `shift` is the true difference from the null.
double power_at(const DesignError& design, double shift, double tail, Tails tails) {
  const double se = design.se();
  if (se == 0) return shift == 0 ? tail : 1;
  if (design.seeds < 2) {
    const double critical = student_quantile(1 - tail, design.items_df);
    return tails == Tails::two ? two_sided_power(shift / se, critical, design.items_df)
                               : one_sided_power(shift / se, critical, design.items_df);
  }
  const auto items_ratio = variance_ratios<12>(design.items_df);
  // Power where the seeds' means vary by `between`.
  const auto given = [&](double between) {
    double power = 0;
    for (const auto& [ratio, weight] : items_ratio) {
      const CombinedError seen = design.estimated(design.items * ratio, between);
      const double critical = student_quantile(1 - tail, seen.df()) * std::sqrt(seen.variance());
      double here = normal_cdf((shift - critical) / se);
      if (tails == Tails::two) here += normal_cdf((-shift - critical) / se);
      power += weight * here;
    }
    return power;
  };
  const double df = design.seeds - 1, true_between = design.runs + design.noise;
  if (true_between == 0) return given(0);
  // The estimated df jumps where the variance's limit passes the noise, the variance itself is
  // truncated below it: a rule between each two of these.
  const auto below = [&](double between) {
    return chi_squared_cdf(between / true_between * df, df);
  };
  const double jump = below(design.noise / design.factor), bend = below(design.noise);
  double power = jump * given(0);
  for (const auto& [ratio, weight] : variance_ratios<12>(df, jump, bend))
    power += weight * given(true_between * ratio);
  for (const auto& [ratio, weight] : variance_ratios<30>(df, bend, 1))
    power += weight * given(true_between * ratio);
  return power;
}

}  // namespace

double discordance_at(double discordance, double difference) {
  return std::min(1.0, std::hypot(discordance, difference));
}

double DesignError::se() const {
  return std::sqrt(items + runs / seeds);
}

CombinedError DesignError::estimated(double items_seen, double between) const {
  return {items_seen, items_df, between, noise, items_df * (seeds - 1), seeds, factor};
}

double DesignError::df() const {
  if (seeds < 2 || runs == 0) return items_df;
  return estimated(items, runs + noise).df();
}

DesignError design_error(const PlanOptions& o, double questions, double seeds, double difference) {
  double effect = 1;
  DesignError out;
  out.seeds = seeds;
  if (seeds > 1) out.factor = limit_factor(seeds);
  out.items_df = std::max(1.0, questions - 1);
  if (o.clusters > 0) {
    const double clusters = static_cast<double>(o.clusters);
    const double uneven = 1 + o.cluster_size_cv * o.cluster_size_cv;
    effect = std::max(1.0, 1 + (uneven * questions / clusters - 1) * o.cluster_correlation);
    out.items_df = std::max(1.0, clusters / uneven - 1);
  }
  // An item's difference is -1, 0 or 1.
  const double variance = discordance_at(o.discordance, difference) - difference * difference;
  out.noise = variance * (1 - o.seed_correlation) * effect / questions;
  out.items = variance * o.seed_correlation * effect / questions + out.noise / seeds;
  // One seed's interval is for these adapters.
  if (seeds > 1) out.runs = o.seed_sd.value_or(0) * o.seed_sd.value_or(0);
  return out;
}

double interval_power(const PlanOptions& o, double questions, double seeds, double difference) {
  const double alpha = o.alpha / static_cast<double>(o.comparisons);
  return power_at(design_error(o, questions, seeds, difference), std::abs(difference), alpha / 2,
                  Tails::two);
}

double margin_power(const PlanOptions& o, double questions, double seeds, double margin) {
  return power_at(design_error(o, questions, seeds, 0), margin, 0.05, Tails::one);
}

double mcnemar_power(std::uint64_t questions, double discordance, double difference, double alpha) {
  if (!(discordance > 0 && discordance <= 1) || !(std::abs(difference) <= discordance)) {
    fail(
        fmt::format("McNemar power: difference {} and discordance {}, expected |difference| <= "
                    "discordance in (0, 1]",
                    difference, discordance));
  }
  const double mean = static_cast<double>(questions) * discordance;
  const double share = std::clamp((discordance + difference) / (2 * discordance), 0.0, 1.0);
  // 10 standard deviations: what is left out is below 1e-20.
  const double spread = 10 * std::sqrt(mean * (1 - discordance)) + 10;
  const auto from = static_cast<std::uint64_t>(std::max(1.0, mean - spread));
  const auto to = std::min(questions, static_cast<std::uint64_t>(mean + spread));
  const auto rejects = [alpha](std::uint64_t fewer, std::uint64_t pairs) {
    return 2 * binomial_cdf(fewer, pairs, 0.5) <= alpha;
  };
  // The critical value never falls as the pairs grow, so the search goes on from the last one.
  std::uint64_t critical = 0;
  double power = 0;
  for (std::uint64_t pairs = from; pairs <= to; ++pairs) {
    if (!rejects(critical, pairs)) continue;
    while (2 * (critical + 1) < pairs && rejects(critical + 1, pairs)) ++critical;
    power += binomial_pmf(pairs, questions, discordance) *
             (binomial_cdf(critical, pairs, share) + binomial_cdf(critical, pairs, 1 - share));
  }
  return std::min(1.0, power);
}

}  // namespace tradeoff::stats
