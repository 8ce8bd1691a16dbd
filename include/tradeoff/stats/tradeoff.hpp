#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/stats/paired.hpp"

namespace tradeoff::stats {

/// A difference with its standard error; df of the error's t, infinite where the error is known.
struct Difference {
  double delta = 0, se = 0, df = 0;
};

/// What an arm gained on one task (x) against what it lost on another (y).
/// Assumes: the two tasks' items are independent samples (they share none), each mean is near
/// normal, and, unless a correlation is given, nothing common moves both (true for given seeds).
struct Tradeoff {
  Difference x, y;
  double correlation = 0;
  // The joint 95 % region is {d : (d - centre)' V^-1 (d - centre) <= critical^2}, V from the
  // standard errors; critical^2 is the 0.95 quantile of the sum of two squared independent t
  // (chi-square with 2 degrees of freedom, 5.99, where both are large): exact without correlation.
  double critical = 0;
  // Semi-axes along x and y where the correlation is 0, else the half widths of the bounding box.
  std::array<double, 2> half_width{};
  // Both differences 0 lies outside the region.
  bool excludes_no_change = false;
  // y per x, "points of y per point of x", and its 95 % interval by Fieller 1954 with the smaller
  // df; empty where x cannot be told from 0, because then the interval is unbounded.
  std::optional<double> ratio;
  std::optional<Interval> ratio95;
  std::string not_estimable;  // why the ratio is empty

  /// Points of the region's edge, counter-clockwise from the right, for drawing.
  std::vector<std::array<double, 2>> boundary(std::size_t points = 72) const;
};

/// Throws Error for values that are not finite, negative errors, df <= 0, |correlation| >= 1.
Tradeoff tradeoff(const Difference& x, const Difference& y, double correlation = 0);

enum class Over {
  // The cluster-robust errors: other questions, these seeds (these very adapters).
  items,
  // Other questions and other seeds. With three or more common seeds the covariance of the two
  // differences over seeds enters, held to what the two seed variances allow.
  items_and_seeds
};
struct TradeoffOrReason {
  std::optional<Tradeoff> tradeoff;
  std::string reason;  // why it is empty
};
/// From two pairs of the same two arms (an Error otherwise).
TradeoffOrReason tradeoff(const PairSummary& x, const PairSummary& y, Over over);
Json to_json(const Tradeoff& tradeoff);

}  // namespace tradeoff::stats
