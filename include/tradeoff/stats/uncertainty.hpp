#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/stats/score_table.hpp"

namespace tradeoff::stats {

struct Interval {
  double low = 0, high = 0;
};

/// Wilson's score interval for a proportion `rate` of `n` trials (Wilson 1927). `rate` may be a
/// mean over seeds, so rate * n need not be whole. n = 0 gives [0, 1].
Interval wilson(double rate, std::uint64_t n, double level = 0.95);

/// Clopper-Pearson upper limit for a proportion of `successes` in `n`, one-sided at `level`.
double proportion_upper_limit(std::uint64_t successes, std::uint64_t n, double level = 0.95);

/// A standard error, the degrees of freedom of its t, and the 95 % interval they give.
struct StandardError {
  double se = 0, df = 0;
  Interval ci95;
};

/// Clopper-Pearson at the effective sample size (Korn & Graubard 1998): n = rate (1 - rate) / se^2,
/// times (t_{items-1} / t_df)^2 for the error's own degrees of freedom, at most `cells` (items x
/// seeds). Where the error is empty or 0, as at rates of 0 and 1, n is `items`. No items: [0, 1].
/// Unlike mean +- t se it stays in [0, 1] and has a width at the ends.
Interval korn_graubard(double rate, const std::optional<StandardError>& error, std::uint64_t items,
                       std::uint64_t cells, double level = 0.95);

/// The mean of `values` [items] with items of one cluster dependent in any way (Liang & Zeger
/// 1986): se = sqrt(G/(G-1) * sum_g (sum_{i in g} (v_i - mean))^2) / n, t with G-1 degrees of
/// freedom. G/(G-1) is kept as statsmodels and inspect_ai have it (Miller 2024 leaves it out):
/// without it 20 clusters make the error 2.5 % too small. Empty for fewer than two clusters.
std::optional<StandardError> cluster_robust(std::span<const double> values,
                                            std::span<const std::uint32_t> cluster,
                                            std::size_t clusters);

/// The same for few or unequal clusters: CR2 (Bell & McCaffrey 2002), each cluster's term divided
/// by 1 - n_g/n, with Satterthwaite's degrees of freedom under exchangeable items within clusters,
/// the intra-cluster correlation estimated by ANOVA (Imbens & Kolesar 2016).
std::optional<StandardError> cluster_robust_small_sample(std::span<const double> values,
                                                         std::span<const std::uint32_t> cluster,
                                                         std::size_t clusters);

/// How items cluster: the ANOVA estimator of the intra-cluster correlation (Donner 1986), held to
/// [0, 1], 0 where every cluster has one item; and the clusters' size variation, sd / mean.
struct ClusterShape {
  double correlation = 0, size_cv = 0;
};
/// At least two clusters.
ClusterShape cluster_shape(std::span<const double> values, std::span<const std::uint32_t> cluster,
                           std::size_t clusters);

/// How the seeds' means vary: their variance (on seeds - 1), and the part of it that question x
/// seed noise, clusters kept whole, explains. Empty for one seed or one cluster.
struct RunSpread {
  double between = 0, noise = 0, noise_df = 1;
};
std::optional<RunSpread> run_spread(const ItemScores& scores);

/// Both samplings at once, items (by clusters) and seeds: the CR2 variance of the items' means plus
/// the part of the variance of the seed means that question x seed noise (by clusters) does not
/// explain, never negative, over the number of seeds; Satterthwaite's degrees of freedom, with an
/// upper limit for the seeds' variance (combined_error.hpp). Empty for one seed.
std::optional<StandardError> over_items_and_seeds(const ItemScores& scores);

struct BootstrapOptions {
  // Resamples of whole clusters; 10,000 put the Monte Carlo error of a limit at about 1 % of its
  // width.
  std::uint32_t draws = 10000;
  // Resample r is a function of (seed, r) alone.
  std::uint64_t seed = 0;
  enum class Limits {
    // The quantiles at 2.5 and 97.5 %: too narrow for few clusters (91 to 92 % for 20).
    percentile,
    // Quantiles at Phi(-+ sqrt(G/(G-1)) t_{G-1}), Hesterberg 2015's expanded percentiles. BCa was
    // tried and left: 87 to 92 % for 20 unequal clusters.
    expanded
  };
  Limits limits = Limits::expanded;
};
/// 95 % interval of the mean from resampled clusters; quantiles interpolated linearly (type 7).
/// Empty for fewer than two clusters.
std::optional<Interval> cluster_bootstrap(std::span<const double> values,
                                          std::span<const std::uint32_t> cluster,
                                          std::size_t clusters,
                                          const BootstrapOptions& options = {});

/// Standard deviation (K-1) of the per-seed means; empty for one seed.
std::optional<double> seed_sd(const ItemScores& scores);

/// Two-way random effects without replication, score = mean + question + seed + residual, by ANOVA
/// (Searle, Casella & McCulloch 1992, 4.3). Negative estimates happen when a component is near 0:
/// they are kept as they came, and the variances above them are truncated at 0.
struct VarianceComponents {
  double question = 0, seed = 0, residual = 0;      // variances, >= 0
  double question_estimate = 0, seed_estimate = 0;  // before truncation
  double ms_question = 0, ms_seed = 0, ms_residual = 0;
};
/// Empty for fewer than two seeds or two items.
std::optional<VarianceComponents> variance_components(const ItemScores& scores);

/// Why a figure is empty: {"seed_sd", "one seed: seed variance not estimable"}.
struct NotEstimable {
  std::string figure, reason;
};

/// "not estimable: REASON", or the reason alone where it says so itself.
std::string not_estimable_text(const std::string& reason);

/// The parts of a mean's variance; they sum to the square of the error it is told with.
struct VarianceParts {
  double items = 0;            // other questions (clusters kept whole), question x seed noise
  double noise = 0;            // the part of `items` that is question x seed noise
  std::optional<double> runs;  // other seeds; empty for one seed
  // Other samples of an answer (per question and seed); empty for one answer, whose sampling is in
  // `noise`.
  std::optional<double> sampling;

  double total() const { return items + runs.value_or(0) + sampling.value_or(0); }
  /// The total with so many times the questions (clusters with them), seeds and samples.
  double at(double questions, double seeds, double samples = 1) const;
};

/// What halves the standard error, by more of one alone; empty where that does not reach it.
struct Halving {
  std::optional<std::uint64_t> questions, seeds, samples;  // that many more
  // The design of fewest answers that halves it, at most 8 times of either: more of both.
  struct Both {
    std::uint64_t questions = 0, seeds = 0;
  };
  std::optional<Both> both;
};
/// `samples` of each answer; one seed, or one answer: more of these is not estimable and empty.
Halving halve(const VarianceParts& parts, std::uint64_t questions, std::uint64_t seeds,
              std::uint64_t samples = 1);
/// "620 more questions, 4 more seeds, or 300 more questions and 2 more seeds"; else what prevents
/// it.
std::string to_text(const Halving& halving);

/// Everything above for one mean (an accuracy, or a paired difference), with a reason for each
/// figure that is empty.
struct MeanEstimate {
  std::optional<double> mean;
  std::optional<StandardError> cluster;          // over clusters of items, these seeds
  std::optional<StandardError> small_sample;     // the same, CR2
  std::optional<StandardError> items_and_seeds;  // over clusters of items and over seeds
  std::optional<Interval> bootstrap95;           // over clusters of items, these seeds
  std::optional<double> seed_sd;                 // over seeds, these items
  std::optional<VarianceComponents> components;
  std::optional<RunSpread> spread;  // of the seeds' means
  std::uint64_t seeds = 0;
  // Answers to each question and seed, and what their sampling adds to the mean's variance.
  std::uint64_t samples = 1;
  std::optional<double> sampling;
  std::vector<NotEstimable> reasons;

  /// The error that the mean is told with, its p-value's too: over all that varied. One seed: CR2.
  const std::optional<StandardError>& told() const {
    return items_and_seeds ? items_and_seeds : small_sample;
  }
  std::optional<VarianceParts> variance() const;
};
/// `computed_once` only chooses the reason for an empty seed_sd.
MeanEstimate estimate_mean(const ItemScores& scores, bool computed_once,
                           const BootstrapOptions& options = {});

}  // namespace tradeoff::stats
