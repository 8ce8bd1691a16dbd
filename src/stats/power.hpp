#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tradeoff/stats/plan.hpp"

namespace tradeoff::stats {

/// The design's standard error and degrees of freedom for questions x seeds.
struct DesignError {
  double se = 0, df = 0;
};
DesignError design_error(const PlanOptions& options, double questions, double seeds);
/// Power of the two-sided interval of the paired difference.
double interval_power(const PlanOptions& options, double questions, double seeds,
                      double difference);

/// The exact McNemar test with its critical values worked out once per number of discordant pairs.
class McnemarPower {
 public:
  McnemarPower(std::uint64_t questions, double discordance, double alpha);
  double at(double difference) const;

 private:
  struct Stratum {
    std::uint64_t pairs;
    double probability;
    std::uint64_t critical;  // reject at min(b, c) <= critical
  };
  double discordance_;
  std::vector<Stratum> strata_;  // numbers of discordant pairs where the test can reject
};

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
