#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/stats/score_table.hpp"
#include "tradeoff/stats/sequence.hpp"
#include "tradeoff/stats/uncertainty.hpp"

namespace tradeoff::stats {

/// Exact two-sided McNemar test (McNemar 1947; the binomial form): 2 P(X <= min(n01, n10)), at most
/// 1, X ~ Binomial(n01 + n10, 1/2). No discordant pair gives 1.
double mcnemar_exact(std::uint64_t n01, std::uint64_t n10);

/// The p-value that belongs to mean +- t se: two-sided, against no difference. Empty where se is 0.
std::optional<double> interval_p(double mean, const StandardError& error);

/// Two one-sided tests (Schuirmann 1987) with the interval's own t: is the loss smaller than
/// `margin`, and is the difference within +-margin? Both margins are fractions above 0.
struct Noninferiority {
  double margin = 0;
  double p = 1;              // against a loss of `margin` or more
  double p_equivalence = 1;  // the larger of the two one-sided p
  Interval ci90;             // equivalent at 5 % where it lies within +-margin
};
std::optional<Noninferiority> noninferiority(double mean, const StandardError& error,
                                             double margin);

/// Holm's step-down adjusted p-values (Holm 1979), in the order given. Throws for p outside [0, 1].
std::vector<double> holm(std::span<const double> p);

enum class SeedPairing {
  // Columns with the same seed make a pair; those of one table alone are left out and counted.
  by_label,
  // The k-th column of one with the k-th of the other; the counts must agree.
  in_order
};

/// The largest loss on a task that would not matter, a fraction.
struct TaskMargin {
  std::string task;
  double margin = 0;
};

struct PairOptions {
  SeedPairing seeds = SeedPairing::by_label;
  Unmatched items = Unmatched::refuse;
  BootstrapOptions bootstrap;
  // Tasks without one get no test of non-inferiority.
  std::vector<TaskMargin> margins;
};

struct SeedPair {
  std::uint64_t seed_a = 0, seed_b = 0;
  double delta = 0;
  std::uint64_t n01 = 0, n10 = 0;
  double mcnemar_p = 1;
};

/// Two arms on the same items of one task; delta = b - a, a fraction.
struct PairSummary {
  std::string a, b, task;
  std::uint64_t n = 0;  // items x paired seeds
  std::uint64_t items = 0, seeds = 0, clusters = 0, gold_errors = 0;
  std::uint64_t dropped_items = 0;   // in one table alone (Unmatched::drop)
  std::uint64_t unpaired_seeds = 0;  // columns without a partner
  bool computed_once = false;        // no random stream reaches either arm
  // Answers to each question in either arm, 0: one greedy answer, which stands for any number; and
  // how many of them are compared, the first of each arm.
  std::uint64_t samples_a = 0, samples_b = 0, samples = 1;
  // Without a discordant pair its errors are empty: nothing was seen to vary.
  MeanEstimate delta;
  // Of delta.told(), so that p < 0.05 exactly where its interval excludes 0; holm_p is over these.
  std::optional<double> p, holm_p;
  std::optional<Noninferiority> noninferiority;
  std::optional<Halving> halving;    // of delta's error
  std::optional<Sequence> sequence;  // from three seeds on
  // Discordant (item, seed) pairs: n01 = a wrong and b right. For a graded metric: b above a.
  std::uint64_t n01 = 0, n10 = 0;
  // Means over the n pairs of what b is above and below a: n01 / n and n10 / n where verdicts are
  // not graded.
  double gained = 0, lost = 0;
  // One seed alone, for these adapters: over items taken as independent. Empty for graded verdicts,
  // as the mean of several samples is.
  std::optional<double> mcnemar_p;
  std::vector<SeedPair> by_seed;
  // (n01 + n10) / n: how often the verdict changed, though the accuracy may not have.
  std::optional<double> flip_rate;
  // Share of the n pairs whose answers differ; empty without answers.
  std::optional<double> answer_change_rate;
  // Of n: the answer changed and both are wrong.
  std::optional<double> changed_both_wrong_rate;
  // 95 % one-sided upper limit for the share of items that flip in some seed (Clopper-Pearson,
  // items independent): what "no flip seen" still allows.
  std::optional<double> flip_upper_limit;
};

/// A table that was computed once pairs with every seed of the other. With by_label and several
/// columns, no common seed is an Error naming both lists. holm_p stays empty: apply_holm sets it.
PairSummary compare_pair(const ScoreTable& a, const ScoreTable& b, const PairOptions& options = {});

/// b - a per item and paired seed, as compare_pair takes them. [items, paired seeds]
ItemScores paired_differences(const ScoreTable& a, const ScoreTable& b,
                              const PairOptions& options = {});

/// Whether there is a pair of columns to compare.
bool share_seed(const ScoreTable& a, const ScoreTable& b, SeedPairing pairing);

/// Every pair of tables of one task, earlier arm = a, tasks in order of appearance, Holm applied
/// over all of them. Two tables that share no seed (cells are missing) make no pair.
std::vector<PairSummary> compare_all(std::span<const ScoreTable> tables,
                                     const PairOptions& options = {});
/// The family is every pair given that has a p-value.
void apply_holm(std::span<PairSummary> pairs);

/// report.json's entry of "pairs": its first keys, then by_seed, further intervals, counts and
/// "not_estimable".
Json to_json(const PairSummary& pair);

/// The difference within one label.
struct GroupDifference {
  std::string label;
  std::uint64_t items = 0, clusters = 0;
  double delta = 0;
  std::uint64_t n01 = 0, n10 = 0;
  std::optional<StandardError> error;  // MeanEstimate::told; empty for one cluster or no flip
  std::optional<double> p;             // of that error, unadjusted
};
/// labels [items], in the order of `a`.
std::vector<GroupDifference> difference_by(const ScoreTable& a, const ScoreTable& b,
                                           std::span<const std::string> labels,
                                           const PairOptions& options = {});

}  // namespace tradeoff::stats
