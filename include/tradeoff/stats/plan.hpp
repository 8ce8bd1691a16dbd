#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/stats/margin.hpp"
#include "tradeoff/stats/score_table.hpp"

namespace tradeoff::stats {

/// What one arm of a pilot cost, from its ledger.
struct ArmCost {
  std::string arm;
  double train_s = 0, predict_s = 0;  // wall seconds, summed over `cells`
  std::uint64_t devices = 1;          // busy during those seconds
  std::uint64_t cells = 1;            // seeds that were run
  std::uint64_t questions = 1;        // predicted in each cell
  bool computed_once = false;         // more seeds do not run it again
};

struct PlanOptions {
  // What the questions are of; told in tables.
  std::string task;
  // Of a pilot the arms whose difference it is, "base -> tuned"; told in tables.
  std::string pair;
  std::uint64_t questions = 200, seeds = 1;
  // Share of questions where exactly one of the two arms is right, per seed, if the arms were
  // equally good; it grows with the difference.
  double discordance = 0.20;
  // Wanted true difference, a fraction. Empty: only the detectable one is worked out.
  std::optional<double> difference;
  // Two-sided size of the test, and the power wanted.
  double alpha = 0.05, power = 0.80;
  // Members of the Holm family; its hardest step tests at alpha / comparisons.
  std::uint64_t comparisons = 1;
  // Correlation of one question's difference between seeds: 1 = seeds repeat each other, 0 = each
  // seed is as good as new questions.
  double seed_correlation = 0.5;
  // Standard deviation over seeds (runs) of the true difference, a fraction. Empty: unknown, as
  // from a pilot of one seed; then it is left out, and the figures are lower limits.
  std::optional<double> seed_sd;
  // A loss that would not matter: the power to rule it out where nothing is lost.
  std::optional<Margin> margin;
  // Clusters (databases, subjects) that the questions come from; 0: questions are independent.
  std::uint64_t clusters = 0;
  // Intra-cluster correlation of the differences, and the clusters' size variation sd / mean.
  double cluster_correlation = 0, cluster_size_cv = 0;
  // Pilot costs per arm; empty: no device hours.
  std::vector<ArmCost> costs;
  // Where the figures above are from; printed.
  std::string basis = "assumed";
};

struct PlanResult {
  PlanOptions options;
  // Standard error where there is no difference, and the degrees of freedom of its t.
  double se = 0, df = 0;
  // Smallest difference found with the wanted power by the interval that the report prints.
  std::optional<double> detectable;
  // The same for the exact McNemar test, which is conservative; one seed, independent questions.
  std::optional<double> detectable_mcnemar;
  // Smallest margin ruled out with the wanted power where nothing is lost, and `margin`'s power.
  std::optional<double> detectable_margin, power_margin;
  // For `difference`: the power of this design, and what reaches the wanted power.
  std::optional<double> power, power_mcnemar;
  std::optional<std::uint64_t> questions_needed;  // with the seeds as given
  std::optional<std::uint64_t> seeds_needed;      // with the questions as given
  std::optional<double> device_hours, device_hours_questions, device_hours_seeds;
  std::vector<std::string> assumptions;
  std::vector<std::string> notes;  // why something is empty, what limits the design
};

/// Power is that of the interval and p which the report prints, with their degrees of freedom as
/// they come out of estimated variances. With d = sqrt(discordance^2 + difference^2) and
/// v = d - difference^2 (Miller 2024, eq. 9, where omega^2 = v),
///   se^2 = v * (rho + (1 - rho) / seeds) * deff / questions + seed_sd^2 / seeds,
///   deff = 1 + ((1 + cv^2) * questions / clusters - 1) * cluster_correlation, not below 1.
/// One seed: seed_sd stays out, the answer is for these adapters.
/// Throws Error naming the option for values out of range.
PlanResult plan(const PlanOptions& options);

/// Discordance, correlations, cluster sizes and seed_sd as a pilot of two arms allows, put into
/// `options`: one-sided 80 % upper limits where a small pilot would flatter (Browne 1995), so that
/// one flip in 100, or none, still plans. seed_sd stays as it is with one seed; `basis` says so.
PlanOptions plan_from_pilot(PlanOptions options, const ScoreTable& a, const ScoreTable& b);

/// Lines for a terminal: a row per plan, then each plan's notes and assumptions.
std::string to_text(std::span<const PlanResult> plans);
Json to_json(const PlanResult& plan);

/// Power of the exact two-sided McNemar test for one seed of `questions` independent questions,
/// summed over the number of discordant pairs. |difference| <= discordance <= 1.
double mcnemar_power(std::uint64_t questions, double discordance, double difference, double alpha);

}  // namespace tradeoff::stats
