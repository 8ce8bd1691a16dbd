#include "tradeoff/stats/tradeoff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/quadrature/gauss.hpp>
#include <cmath>
#include <limits>
#include <numbers>

#include "distribution.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::stats {
namespace {

void check_difference(const Difference& d, const char* which) {
  if (std::isfinite(d.delta) && std::isfinite(d.se) && d.se >= 0 && d.df > 0) return;
  fail(fmt::format(
      "trade-off: {} has difference {}, standard error {}, df {}; expected finite numbers"
      ", se >= 0, df > 0",
      which, d.delta, d.se, d.df));
}

// P(T1^2 + T2^2 <= c^2) for independent t: polar in t = c sin(a), so that the edge is smooth. Split
// into panels because with few degrees of freedom c is large and the density narrow beside it.
double joint_coverage(double c, double df1, double df2) {
  const auto slice = [&](double a) {
    const double rest = c * std::cos(a);
    return student_density(c * std::sin(a), df1) * (2 * student_cdf(rest, df2) - 1) * rest;
  };
  double sum = 0, from = 0;
  for (const double to : {0.01, 0.05, 0.2, 0.6, 1.2, std::numbers::pi / 2}) {
    sum += boost::math::quadrature::gauss<double, 30>::integrate(slice, from, to);
    from = to;
  }
  return 2 * sum;
}

double joint_critical(double df1, double df2) {
  double low = 2, high = 4;
  while (joint_coverage(high, df1, df2) < 0.95) high *= 2;
  while (high - low > 1e-10 * high) {
    const double middle = (low + high) / 2;
    (joint_coverage(middle, df1, df2) < 0.95 ? low : high) = middle;
  }
  return (low + high) / 2;
}

// (0 - centre)' V^-1 (0 - centre), with 0/0 = 0: no change seen and none possible.
double distance_of_no_change(const Tradeoff& t) {
  const auto scaled = [](const Difference& d) {
    if (d.delta == 0) return 0.0;
    return d.se > 0 ? d.delta / d.se : std::numeric_limits<double>::infinity();
  };
  const double u = scaled(t.x), v = scaled(t.y), r = t.correlation;
  if (std::isinf(u) || std::isinf(v)) return std::numeric_limits<double>::infinity();
  return (u * u - 2 * r * u * v + v * v) / (1 - r * r);
}

void set_ratio(Tradeoff& t) {
  const double df = std::min(t.x.df, t.y.df), q = student_quantile(0.975, df);
  const double a = t.x.delta * t.x.delta - q * q * t.x.se * t.x.se;
  if (t.x.delta == 0 || a <= 0) {
    const double half = q * t.x.se;
    t.not_estimable = fmt::format(
        "the divisor, {:+.1f} points, cannot be told from 0 (95 % interval {:+.1f} "
        "to "
        "{:+.1f})",
        100 * t.x.delta, 100 * (t.x.delta - half), 100 * (t.x.delta + half));
    return;
  }
  const double cross = t.correlation * t.x.se * t.y.se;
  const double b = t.x.delta * t.y.delta - q * q * cross;
  const double c = t.y.delta * t.y.delta - q * q * t.y.se * t.y.se;
  const double root = std::sqrt(std::max(0.0, b * b - a * c));
  t.ratio = t.y.delta / t.x.delta;
  t.ratio95 = Interval{(b - root) / a, (b + root) / a};
}

double seed_variance(const MeanEstimate& e) {
  const double both = e.items_and_seeds->se, items = e.small_sample->se;
  return std::max(0.0, both * both - items * items);
}

// Covariance over common seeds of the two mean differences, held to what the seed variances allow.
double seed_correlation(const PairSummary& x, const PairSummary& y) {
  std::vector<std::array<double, 2>> points;
  for (const SeedPair& p : x.by_seed) {
    for (const SeedPair& q : y.by_seed) {
      if (p.seed_b == q.seed_b) points.push_back({p.delta, q.delta});
    }
  }
  if (points.size() < 3) return 0;
  const double k = static_cast<double>(points.size());
  double mx = 0, my = 0, cross = 0;
  for (const auto& [px, py] : points) {
    mx += px / k;
    my += py / k;
  }
  for (const auto& [px, py] : points) cross += (px - mx) * (py - my);
  const double limit = std::sqrt(seed_variance(x.delta) * seed_variance(y.delta));
  const double covariance = std::clamp(cross / (k - 1) / k, -limit, limit);
  const double scale = x.delta.items_and_seeds->se * y.delta.items_and_seeds->se;
  return scale > 0 ? std::clamp(covariance / scale, -0.999, 0.999) : 0;
}

}  // namespace

std::vector<std::array<double, 2>> Tradeoff::boundary(std::size_t points) const {
  std::vector<std::array<double, 2>> out;
  const double skew = std::sqrt(1 - correlation * correlation);
  for (std::size_t k = 0; k < points; ++k) {
    const double angle =
        2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(points);
    const double u = std::cos(angle), v = correlation * u + skew * std::sin(angle);
    out.push_back({x.delta + critical * x.se * u, y.delta + critical * y.se * v});
  }
  return out;
}

Tradeoff tradeoff(const Difference& x, const Difference& y, double correlation) {
  check_difference(x, "x");
  check_difference(y, "y");
  if (!(std::abs(correlation) < 1)) fail(fmt::format("trade-off: correlation {}", correlation));
  Tradeoff out;
  out.x = x;
  out.y = y;
  out.correlation = correlation;
  out.critical = joint_critical(x.df, y.df);
  out.half_width = {out.critical * x.se, out.critical * y.se};
  out.excludes_no_change = distance_of_no_change(out) > out.critical * out.critical;
  set_ratio(out);
  return out;
}

TradeoffOrReason tradeoff(const PairSummary& x, const PairSummary& y, Over over) {
  if (x.a != y.a || x.b != y.b) {
    fail(fmt::format("trade-off of {} against {} on {}, but of {} against {} on {}", x.b, x.a,
                     x.task, y.b, y.a, y.task));
  }
  const char* figure = over == Over::items ? "se_cluster" : "items_and_seeds";
  for (const PairSummary* pair : {&x, &y}) {
    const auto& error =
        over == Over::items ? pair->delta.small_sample : pair->delta.items_and_seeds;
    if (error) continue;
    for (const NotEstimable& empty : pair->delta.reasons) {
      if (empty.figure == figure) return {std::nullopt, pair->task + ": " + empty.reason};
    }
    return {std::nullopt, pair->task + ": not estimable"};
  }
  const auto difference = [over](const PairSummary& pair) {
    const StandardError& error =
        over == Over::items ? *pair.delta.small_sample : *pair.delta.items_and_seeds;
    return Difference{*pair.delta.mean, error.se, error.df};
  };
  const double correlation = over == Over::items ? 0 : seed_correlation(x, y);
  return {tradeoff(difference(x), difference(y), correlation), {}};
}

}  // namespace tradeoff::stats
