#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "combined_error.hpp"
#include "tradeoff/stats/plan.hpp"

namespace tradeoff::stats {

/// Share of questions where exactly one arm is right when the true difference is `difference`: the
/// product of the two kinds of flips stays what it is at no difference, so that the share grows to
/// sqrt(discordance^2 + difference^2), at most 1.
double discordance_at(double discordance, double difference);

/// The design's true variances, for questions x seeds, at a true difference.
struct DesignError {
  double items = 0;     // of the mean over seeds, by questions; question x seed noise within
  double noise = 0;     // of one seed's mean, by question x seed noise alone
  double runs = 0;      // over seeds, of the true difference; 0 where unknown or for one seed
  double items_df = 0;  // CR2's, about clusters / (1 + cv^2) - 1; questions - 1 without clusters
  double seeds = 1;
  double factor = 1;  // limit_factor of several seeds
  double se() const;
  /// What the report works with where it estimates these two; the noise is taken as known.
  CombinedError estimated(double items_seen, double between) const;
  /// As the report works them out, from estimates equal to the true variances.
  double df() const;
};
DesignError design_error(const PlanOptions& options, double questions, double seeds,
                         double difference);

/// Power of the two-sided interval of the paired difference, as the report estimates it: over the
/// chi-square distributions of its two variance estimates.
double interval_power(const PlanOptions& options, double questions, double seeds,
                      double difference);
/// Power of the one-sided 5 % test against a loss of `margin` where there is none.
double margin_power(const PlanOptions& options, double questions, double seeds, double margin);

/// Smallest value of `rising` (from 0 to `limit`) that reaches `target`; empty when the limit does
/// not.
template <typename Function>
std::optional<double> smallest(Function rising, double limit, double target) {
  if (!(rising(limit) >= target)) return std::nullopt;
  double low = 0, high = limit;
  while (high - low > 1e-12 + 1e-10 * high) {
    const double middle = (low + high) / 2;
    (rising(middle) < target ? low : high) = middle;
  }
  return high;
}

}  // namespace tradeoff::stats
