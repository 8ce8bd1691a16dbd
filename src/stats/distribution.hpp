#pragma once
#include <cstdint>

// Boost.Math behind names; the only place that includes it. df may be infinite: then the normal.
namespace tradeoff::stats {

double normal_cdf(double z);
double normal_quantile(double p);
double student_cdf(double t, double df);
double student_quantile(double p, double df);
double student_density(double t, double df);
/// P(|T| > critical) where T is noncentral t with `shift` = effect / standard error.
double two_sided_power(double shift, double critical, double df);
/// P(T > critical), shift of either sign.
double one_sided_power(double shift, double critical, double df);
double chi_squared_cdf(double x, double df);
double chi_squared_quantile(double p, double df);
/// P(X <= k) for X ~ Binomial(n, p).
double binomial_cdf(std::uint64_t k, std::uint64_t n, double p);
double binomial_pmf(std::uint64_t k, std::uint64_t n, double p);
/// Quantile of Beta(a, b).
double beta_quantile(double p, double a, double b);

}  // namespace tradeoff::stats
