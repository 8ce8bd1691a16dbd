#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tradeoff::stats {

/// Scores of one metric beside the primary one, laid out like ScoreTable::scores.
struct MetricScores {
  std::string name;
  std::vector<std::optional<double>> scores;  // [items, seeds]
};

/// Several answers to each item, where they were sampled.
struct SampleColumns {
  std::size_t count = 0;                      // of each item and seed; 0: one greedy answer
  std::vector<std::optional<double>> scores;  // [items, seeds, count] the primary metric
  // Equal where the answers' results are equal; 0: the answer has none. [items, seeds, count]
  std::vector<std::uint64_t> groups;
  std::vector<double> logprobs;  // [items, seeds, count]; NaN: not known
  /// Those of these cells (item * seeds + seed), in this order.
  SampleColumns pick(std::span<const std::size_t> cells) const;
};

/// What one arm scored on one task. Plain columns; check_table() says what they must satisfy.
struct ScoreTable {
  std::string arm, task;
  std::vector<std::string> items;     // [items] distinct ids
  std::vector<std::string> clusters;  // [items] database, subject
  std::vector<std::string> strata;    // [items] group of subjects, hardness; or empty
  // 1 where the gold answer itself failed: the item leaves the denominator. [items], or empty.
  std::vector<std::uint8_t> gold_error;
  std::vector<std::uint64_t> seeds;  // [seeds] distinct replicate seeds
  // True where no random stream reaches the cell, so that its one column stands for every seed.
  bool computed_once = false;
  // The primary metric in [0, 1], of samples their mean; an empty score (skipped, unscored) counts
  // as wrong. [items, seeds]
  std::vector<std::optional<double>> scores;
  SampleColumns samples;
  // A code of each answer (answer_code), equal where the answers are equal. [items, seeds], or
  // empty.
  std::vector<std::uint64_t> answers;
  std::vector<MetricScores> metrics;
};

/// Throws Error naming arm, task, item and seed for: columns of unequal length, an item or a seed
/// twice, no seed, a score that is NaN or outside [0, 1], computed_once with several seeds.
void check_table(const ScoreTable& table);

/// 64-bit FNV-1a of an answer's text.
std::uint64_t answer_code(std::string_view answer);

/// One result in long form, as result files hold them.
struct ResultRow {
  std::string item, cluster;
  std::uint64_t seed = 0;
  std::optional<double> score;
  std::optional<std::uint64_t> answer;
};
/// Rows in any order -> a table with items in order of first appearance and seeds ascending; an
/// item without a row for a seed is unscored there. Throws for an item twice in one seed, or whose
/// cluster differs between rows.
ScoreTable table_from_rows(std::string arm, std::string task, std::span<const ResultRow> rows);

/// The table of those items alone, by their places in `table`.
ScoreTable with_rows(const ScoreTable& table, const std::vector<std::size_t>& rows);

/// Marks an item as a gold error in all tables of its task when any of them does, so that it leaves
/// every arm alike.
void share_gold_errors(std::span<ScoreTable> tables);

enum class Unmatched { refuse, drop };
/// `b` with its rows in the order of `a`. Items of one table alone are an Error naming the first of
/// them and the counts, or with Unmatched::drop are taken out of both; `dropped` counts them.
struct AlignedTables {
  ScoreTable a, b;
  std::size_t dropped_a = 0, dropped_b = 0;
};
AlignedTables align_items(const ScoreTable& a, const ScoreTable& b, Unmatched unmatched);

/// The values that estimators work on: gold errors gone, empty scores 0, clusters numbered in the
/// order of their names.
struct ItemScores {
  std::size_t items = 0, seeds = 0, clusters = 0;
  std::vector<double> values;          // [items, seeds]
  std::vector<std::uint32_t> cluster;  // [items]
  std::vector<std::size_t> row;        // [items] the item's place in its table
  // Of the mean of how many samples a value is, and what their sampling adds to its variance.
  // [items, seeds], empty for one answer.
  std::size_t samples = 1;
  std::vector<double> sampling;

  /// Mean over seeds of each item. [items]
  std::vector<double> item_means() const;
  /// Mean over items of each seed. [seeds]
  std::vector<double> seed_means() const;
  /// The part of the variance of the mean over all that is sampling's; empty for one answer.
  std::optional<double> sampling_variance() const;
};
/// Variance of the mean of `values`, of which there are at least two, as independent draws.
double variance_of_mean(std::span<const double> values);
ItemScores item_scores(const ScoreTable& table);

}  // namespace tradeoff::stats
