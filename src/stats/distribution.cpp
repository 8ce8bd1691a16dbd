#include "distribution.hpp"

#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace tradeoff::stats {
namespace bm = boost::math;

namespace {

// From here on t and normal agree to better than 1e-9 in every use below, and Boost's noncentral t
// loses accuracy.
constexpr double kNormalFrom = 1e9;

// Boost works in long double unless told not to: a third of a full report's time, for digits that
// no figure here has.
using StudentT =
    bm::students_t_distribution<double, bm::policies::policy<bm::policies::promote_double<false>>>;

}  // namespace

double normal_cdf(double z) {
  return bm::cdf(bm::normal(), z);
}

double normal_quantile(double p) {
  return bm::quantile(bm::normal(), p);
}

double student_cdf(double t, double df) {
  return df < kNormalFrom ? bm::cdf(bm::students_t(df), t) : normal_cdf(t);
}

double student_quantile(double p, double df) {
  return df < kNormalFrom ? bm::quantile(StudentT(df), p) : normal_quantile(p);
}

double student_density(double t, double df) {
  return df < kNormalFrom ? bm::pdf(bm::students_t(df), t) : bm::pdf(bm::normal(), t);
}

double two_sided_power(double shift, double critical, double df) {
  shift = std::abs(shift);
  // 1 - 1e-14 or nearer, whatever df (chi / sqrt(df) passes 8 as rarely); the noncentral series
  // would sum badly there.
  if (shift > 8 + 8 * critical) return 1;
  if (df >= kNormalFrom) return normal_cdf(shift - critical) + normal_cdf(-shift - critical);
  if (shift == 0) return 2 * student_cdf(-critical, df);
  const bm::non_central_t t(df, shift);
  return bm::cdf(bm::complement(t, critical)) + bm::cdf(t, -critical);
}

double one_sided_power(double shift, double critical, double df) {
  if (shift > 8 + 8 * critical) return 1;
  if (df >= kNormalFrom) return normal_cdf(shift - critical);
  if (shift == 0) return student_cdf(-critical, df);
  return bm::cdf(bm::complement(bm::non_central_t(df, shift), critical));
}

double chi_squared_cdf(double x, double df) {
  return bm::cdf(bm::chi_squared(df), x);
}

double chi_squared_quantile(double p, double df) {
  return bm::quantile(bm::chi_squared(df), p);
}

double binomial_cdf(std::uint64_t k, std::uint64_t n, double p) {
  if (k >= n) return 1;
  return bm::cdf(bm::binomial(static_cast<double>(n), p), static_cast<double>(k));
}

double binomial_pmf(std::uint64_t k, std::uint64_t n, double p) {
  return bm::pdf(bm::binomial(static_cast<double>(n), p), static_cast<double>(k));
}

double beta_quantile(double p, double a, double b) {
  return bm::quantile(bm::beta_distribution<>(a, b), p);
}

}  // namespace tradeoff::stats
