#pragma once
#include <random>
#include <string>
#include <vector>

#include "tradeoff/stats/score_table.hpp"

namespace tradeoff::stats {

/// Questions of Spider's 20 dev databases (1,034) and of MMLU's 57 test subjects (14,042).
extern const std::vector<std::size_t> kSpiderSizes, kMmluSizes;
/// The same shape with `items` questions: largest remainders, empty clusters left out.
std::vector<std::size_t> scaled_sizes(const std::vector<std::size_t>& sizes, std::size_t items);

/// One task of a made-up study whose truth is known. An answer is right where a normal latent is
/// above 0; its parts, as standard deviations:
struct ProbitDesign {
  std::vector<std::size_t> sizes;  // of the clusters
  std::size_t seeds = 3;
  double base = 0.45;  // the base's true accuracy over all clusters, items, draws and runs
  double delta = 0;    // true difference of a trained arm from it
  bool once = false;   // the base is computed once: no draw of examples reaches it
  double cluster = 0.4, item = 1;             // difficulty, alike for the arms
  double arm_cluster = 0.15, arm_item = 0.5;  // what training changed
  double run = 0.1;                           // of one training run: about 2 points
  double draw = 0.1;                          // of a seed's few-shot examples, alike for the arms
  double noise = 0.6;                         // question x seed
  std::size_t samples = 1;                    // answers to a question with a seed
  double sampling = 0;                        // of one answer
  double failing = 0;                         // share of runs that fail: 1.5 below
};

struct ProbitArms {
  ItemScores base;
  std::vector<ItemScores> trained;
};

/// Effects of the runs of a study, one a trained arm and seed, standard normal; tasks share them.
struct ProbitRuns {
  std::vector<std::vector<double>> effect;  // [arms][seeds]
  std::vector<std::vector<bool>> failed;
};
ProbitRuns draw_runs(const ProbitDesign& design, std::size_t arms, std::mt19937_64& random);
ProbitArms draw_task(const ProbitDesign& design, const ProbitRuns& runs, std::mt19937_64& random);

/// b - a; a table computed once goes with every seed.
ItemScores difference_of(const ItemScores& a, const ItemScores& b);

/// The columns `keep` of [items, seeds].
ItemScores columns_of(const ItemScores& scores, const std::vector<std::size_t>& keep);
/// The true difference over runs that do not fail.
double delta_of_good_runs(const ProbitDesign& design);

/// Shares of simulated studies, for base against one trained arm.
struct ProbitShares {
  double covered = 0;          // the difference's told interval holds the truth
  double called = 0;           // its p is below 0.05
  double base_covered = 0;     // the base's accuracy interval
  double trained_covered = 0;  // the trained arm's
  double estimable = 0;        // of the studies; the first two are shares of these
  // Without the runs that failed by the report's rule, of the studies that keep two seeds or more:
  // intervals that hold the difference over good runs.
  double without_covered = 0;
  double named = 0, misnamed = 0;  // of failed and of good runs, those that the rule names
};
ProbitShares simulate(const ProbitDesign& design, int studies, std::uint64_t seed);

/// Share of studies where the confidence sequence misses the truth at any look from 3 to
/// `design.seeds` seeds.
double sequence_error(const ProbitDesign& design, int studies, std::uint64_t seed);
/// The same where one stops at the first ci95 that excludes the truth: what looking costs there.
double looking_error(const ProbitDesign& design, int studies, std::uint64_t seed);

/// Shares of studies of base and one trained arm on two tasks: whose 95 % posterior
/// interval holds the truth.
struct PosteriorShares {
  double x_covered = 0, y_covered = 0;
};
PosteriorShares simulate_posterior(const ProbitDesign& x, const ProbitDesign& y, int studies,
                                   std::uint64_t seed);

/// Share of studies of base and two trained arms, on both tasks (six pairs), where any Holm p is
/// below 0.05 though no arm differs.
double family_wise_error(const ProbitDesign& spider, const ProbitDesign& mmlu, int studies,
                         std::uint64_t seed);

}  // namespace tradeoff::stats
