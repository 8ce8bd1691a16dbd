#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
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
  std::string task = "spider";
  std::uint64_t questions = 200, seeds = 1;
  // Share of questions where exactly one of the two arms is right, per seed.
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
  // Standard deviation over seeds of the true difference, a fraction. 0: the answer is for these
  // adapters, not for the method.
  double seed_sd = 0;
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
  // Standard error of the difference, and its degrees of freedom (infinite without clusters and
  // seeds).
  double se = 0, df = 0;
  // Smallest difference found with the wanted power by the interval of the paired difference. Empty
  // where it would exceed the discordance, which bounds every difference.
  std::optional<double> detectable;
  // The same for the exact McNemar test, which is conservative; one seed, independent questions.
  std::optional<double> detectable_mcnemar;
  // For `difference`: the power of this design, and what reaches the wanted power.
  std::optional<double> power, power_mcnemar;
  std::optional<std::uint64_t> questions_needed;  // with the seeds as given
  std::optional<std::uint64_t> seeds_needed;      // with the questions as given
  std::optional<double> device_hours, device_hours_questions, device_hours_seeds;
  std::vector<std::string> assumptions;
  std::vector<std::string> notes;  // why something is empty, what limits the design
};

/// Detectable difference = (t_{1-alpha/2} + t_{power}) * se in effect (noncentral t; Miller 2024,
/// eq. 9, with omega^2 = discordance, its value at no difference: where the difference takes most
/// of the discordance, as on the origin's MMLU draw, the interval finds it more often than planned;
/// the exact McNemar test's figure holds there too), where
///   se^2 = discordance * (rho + (1 - rho) / seeds) * deff / questions + seed_sd^2 / seeds,
///   deff = 1 + ((1 + cv^2) * questions / clusters - 1) * cluster_correlation, not below 1.
/// Throws Error naming the option for values out of range.
PlanResult plan(const PlanOptions& options);

/// The origin's two draws and the two full sets: Spider 200 and 1,034 at 20 % discordance, MMLU 150
/// and 14,042 at 10 %, one seed.
std::vector<PlanOptions> origin_plans();

/// Discordance, correlations and cluster sizes as a pilot of two arms shows them, put into
/// `options`; what the pilot cannot show (seeds, with one seed) stays as it is, and `basis` says
/// so.
PlanOptions plan_from_pilot(PlanOptions options, const ScoreTable& a, const ScoreTable& b);

/// Lines for a terminal: a row per plan, then each plan's notes and assumptions.
std::string to_text(std::span<const PlanResult> plans);
Json to_json(const PlanResult& plan);

/// Power of the exact two-sided McNemar test for one seed of `questions` independent questions,
/// summed over the number of discordant pairs. |difference| <= discordance <= 1.
double mcnemar_power(std::uint64_t questions, double discordance, double difference, double alpha);

}  // namespace tradeoff::stats
