#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/stats/samples.hpp"
#include "tradeoff/stats/score_table.hpp"
#include "tradeoff/stats/uncertainty.hpp"

namespace tradeoff::stats {

/// A predictor that needs no model, as counts: the majority letter, the always-empty query, the
/// gold.
struct Floor {
  std::string name;
  std::uint64_t right = 0, items = 0;
};
/// "majority_letter", always answering the commonest of `gold`, then "always_<letter>" for each
/// letter that occurs, ascending. Nothing for no items.
std::vector<Floor> letter_floors(std::span<const std::string> gold);
/// How many of `right` [items] are set.
Floor count_floor(std::string name, std::span<const std::uint8_t> right);

struct SeedAccuracy {
  std::uint64_t seed = 0;
  double accuracy = 0;
};

/// One arm on one task, as report.json's contract wants it (design 10): accuracies as fractions.
struct TaskSummary {
  std::string arm, task;
  std::uint64_t n = 0;      // items x computed seeds, the denominator
  std::uint64_t items = 0;  // distinct items without gold errors
  std::uint64_t seeds = 0;
  std::uint64_t clusters = 0;
  std::uint64_t unscored = 0;     // of n, counted as wrong
  std::uint64_t gold_errors = 0;  // items that left the denominator
  MeanEstimate accuracy;
  // Korn-Graubard from the error that varies over all that did; one cluster: over its items.
  std::optional<Interval> ci95;
  std::optional<Interval> wilson95;  // where it holds: one seed, every item its own cluster
  std::vector<SeedAccuracy> by_seed;
  struct Metric {
    std::string name;
    std::optional<double> mean;  // empty where no row has it
  };
  std::vector<Metric> metrics;
  std::optional<SampleSummary> samples;  // where answers were sampled
  std::vector<Floor> floors;
};
/// Throws what check_table throws. No items: the accuracy is empty, with the reason.
TaskSummary summarize(const ScoreTable& table, std::vector<Floor> floors = {},
                      const BootstrapOptions& options = {});
/// report.json's arms.ARM.TASK: its first keys, then by_seed, further intervals, the counts,
/// and "not_estimable" {figure: reason}. What is empty is null.
Json to_json(const TaskSummary& summary);
/// {figure: over what it varies}, once per report.
Json varies_over();

/// Accuracy within one label (a subject, database, hardness or group).
struct GroupAccuracy {
  std::string label;
  std::uint64_t items = 0, clusters = 0;
  double accuracy = 0;
  Interval ci95;                         // Korn-Graubard, as TaskSummary has it
  std::optional<StandardError> cluster;  // empty for one cluster
};
/// Korn-Graubard interval of the mean of `scores`; one cluster counts its items as independent.
Interval accuracy_interval(const ItemScores& scores);
/// One row per distinct label, labels ascending. labels [items], in the table's order.
std::vector<GroupAccuracy> accuracy_by(const ScoreTable& table,
                                       std::span<const std::string> labels);

struct StratumWeight {
  std::string label;
  double weight = 0;
};
/// Averages that a draw by strata allows. Empty where a stratum has too few items or clusters.
struct Averages {
  // Over questions: every item the same weight; cluster-robust.
  std::optional<double> micro, micro_se;
  // Over clusters (subjects): each the same weight; se = sd of the clusters' means /
  // sqrt(G).
  std::optional<double> macro, macro_se;
  // sum_h w_h mean_h over strata; se^2 = sum_h w_h^2 s_h^2 / n_h, items independent within strata.
  std::optional<double> stratified, stratified_se;
  // The same mean, clusters within strata kept whole (cluster-robust in each stratum).
  std::optional<double> stratified_cluster_se;
};
/// `weights` are the strata's shares of the population, scaled to sum 1; empty: the items' own
/// shares, so that the stratified mean is the micro average. A weight for an absent stratum, or a
/// stratum without a weight, is an Error.
Averages averages(const ScoreTable& table, std::span<const StratumWeight> weights = {});

}  // namespace tradeoff::stats
