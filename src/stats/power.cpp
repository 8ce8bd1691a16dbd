#include "power.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "distribution.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::stats {

DesignError design_error(const PlanOptions& o, double questions, double seeds) {
  const double infinite = std::numeric_limits<double>::infinity();
  double effect = 1, cluster_df = infinite;
  if (o.clusters > 0) {
    const double clusters = static_cast<double>(o.clusters);
    const double size = (1 + o.cluster_size_cv * o.cluster_size_cv) * questions / clusters;
    effect = std::max(1.0, 1 + (size - 1) * o.cluster_correlation);
    cluster_df = clusters - 1;
  }
  const double per_question =
      o.discordance * (o.seed_correlation + (1 - o.seed_correlation) / seeds);
  const double items = per_question * effect / questions;
  const double over_seeds = o.seed_sd * o.seed_sd / seeds;
  const double total = items + over_seeds;
  // Satterthwaite; one seed shows no seed variance, so its given value counts as known.
  double lost = items * items / cluster_df;
  if (seeds > 1) lost += over_seeds * over_seeds / (seeds - 1);
  return {std::sqrt(total), lost > 0 ? total * total / lost : infinite};
}

double interval_power(const PlanOptions& o, double questions, double seeds, double difference) {
  const DesignError error = design_error(o, questions, seeds);
  const double alpha = o.alpha / static_cast<double>(o.comparisons);
  if (error.se == 0) return difference == 0 ? alpha : 1;
  const double critical = student_quantile(1 - alpha / 2, error.df);
  return two_sided_power(difference / error.se, critical, error.df);
}

McnemarPower::McnemarPower(std::uint64_t questions, double discordance, double alpha)
    : discordance_(discordance) {
  const double mean = static_cast<double>(questions) * discordance;
  // 10 standard deviations: what is left out is below 1e-20.
  const double spread = 10 * std::sqrt(mean * (1 - discordance)) + 10;
  const auto from = static_cast<std::uint64_t>(std::max(1.0, mean - spread));
  const auto to = std::min(questions, static_cast<std::uint64_t>(mean + spread));
  const auto rejects = [alpha](std::uint64_t fewer, std::uint64_t pairs) {
    return 2 * binomial_cdf(fewer, pairs, 0.5) <= alpha;
  };
  // The critical value never falls as the pairs grow, so the search goes on from the last one.
  std::uint64_t critical = 0;
  for (std::uint64_t pairs = from; pairs <= to; ++pairs) {
    if (!rejects(critical, pairs)) continue;
    while (2 * (critical + 1) < pairs && rejects(critical + 1, pairs)) ++critical;
    strata_.push_back({pairs, binomial_pmf(pairs, questions, discordance), critical});
  }
}

double McnemarPower::at(double difference) const {
  const double share = std::clamp((discordance_ + difference) / (2 * discordance_), 0.0, 1.0);
  double power = 0;
  for (const Stratum& s : strata_) {
    power += s.probability * (binomial_cdf(s.critical, s.pairs, share) +
                              binomial_cdf(s.critical, s.pairs, 1 - share));
  }
  return std::min(1.0, power);
}

double mcnemar_power(std::uint64_t questions, double discordance, double difference, double alpha) {
  if (!(discordance > 0 && discordance <= 1) || !(std::abs(difference) <= discordance)) {
    fail(
        fmt::format("McNemar power: difference {} and discordance {}, expected |difference| <= "
                    "discordance in (0, 1]",
                    difference, discordance));
  }
  return McnemarPower(questions, discordance, alpha).at(difference);
}

}  // namespace tradeoff::stats
