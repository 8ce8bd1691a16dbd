#include <gtest/gtest.h>

#include <cmath>

#include "tradeoff/stats/calibration.hpp"
#include "tradeoff/stats/failed_runs.hpp"
#include "tradeoff/stats/posterior.hpp"
#include "tradeoff/stats/sequence.hpp"

namespace tradeoff::stats {
namespace {

TEST(TrainingFailure, is_a_loss_that_is_not_finite_or_has_risen) {
  std::vector<double> losses(20, 2.0);
  EXPECT_FALSE(training_failure(losses));
  EXPECT_FALSE(training_failure({}));
  losses[18] = losses[19] = 3.0;
  EXPECT_FALSE(training_failure(losses)) << "1.5 times its start is not above it";
  losses[19] = 3.2;
  EXPECT_EQ(training_failure(losses), "training: loss ends at 3.1, its start was 2");
  EXPECT_FALSE(training_failure(std::vector<double>{1, 9, 9})) << "too few steps for a tenth";
  EXPECT_EQ(training_failure(std::vector<double>{1, NAN}), "training: loss nan at step 2");
}

ItemScores scores_of(const std::vector<std::size_t>& right, std::size_t items) {
  ItemScores out;
  out.items = items;
  out.seeds = right.size();
  out.clusters = items;
  for (std::size_t i = 0; i < items; ++i) {
    for (const std::size_t count : right) out.values.push_back(i < count ? 1 : 0);
    out.cluster.push_back(static_cast<std::uint32_t>(i));
    out.row.push_back(i);
  }
  return out;
}

TEST(RunsFarBelow, need_two_others_fifteen_points_and_four_errors) {
  const auto columns = [](const std::vector<std::size_t>& right, std::size_t items) {
    std::vector<std::size_t> out;
    for (const FarBelow& run : runs_far_below(scores_of(right, items))) out.push_back(run.column);
    return out;
  };
  using Columns = std::vector<std::size_t>;
  EXPECT_EQ(columns({500, 10}, 1000), Columns{});
  EXPECT_EQ(columns({500, 480, 300}, 1000), Columns{2});
  EXPECT_EQ(columns({500, 500, 351}, 1000), Columns{}) << "14.9 points";
  EXPECT_EQ(columns({50, 50, 25}, 100), Columns{}) << "25 points, but 3.5 errors of 100 questions";
  EXPECT_EQ(columns({500, 20, 500, 10, 510}, 1000), (Columns{1, 3}));
  EXPECT_EQ(columns({0, 0, 0}, 1000), Columns{});
}

TEST(Halving, keeps_to_what_moves_the_error) {
  VarianceParts parts;
  parts.items = 3;
  parts.runs = 1;
  // Total 4, wanted 1: the runs alone are as much.
  Halving found = halve(parts, 100, 4);
  EXPECT_FALSE(found.questions);
  EXPECT_FALSE(found.seeds);
  ASSERT_TRUE(found.both);
  EXPECT_LE(parts.at(1 + found.both->questions / 100.0, 1 + found.both->seeds / 4.0), 1 + 1e-12);
  parts.runs = 0.2;  // total 3.2, wanted 0.8: 3 / 0.6 = 5 times the questions
  EXPECT_EQ(halve(parts, 100, 4).questions, 400u);
  parts = {};
  parts.items = 1;
  parts.noise = 0.9;
  parts.runs = 1;  // wanted 0.5: (0.9 + 1) / 0.4 = 4.75 times the seeds
  EXPECT_EQ(halve(parts, 100, 4).seeds, 15u);
  parts.sampling = 6;  // total 8, wanted 2: samples cannot take the runs' and items' 2 away
  EXPECT_FALSE(halve(parts, 100, 4, 5).samples);
  parts.sampling = 24;  // total 26, wanted 6.5: 24 / 4.5 = 5.33 times the samples
  EXPECT_EQ(halve(parts, 100, 4, 3).samples, 13u);
  parts = {};
  parts.items = 1;
  found = halve(parts, 100, 1);
  EXPECT_EQ(found.questions, 300u);
  EXPECT_FALSE(found.seeds || found.both);
  EXPECT_EQ(to_text(found), "300 more questions");
  EXPECT_FALSE(halve({}, 100, 1).questions) << "no error: nothing to halve";
}

TEST(SequenceQuantile, falls_towards_the_fixed_one_and_has_no_bound_below_three_seeds) {
  EXPECT_TRUE(std::isinf(sequence_quantile(1, 0.05)));
  EXPECT_TRUE(std::isinf(sequence_quantile(2, 0.05)));
  double last = sequence_quantile(3, 0.05);
  EXPECT_TRUE(std::isfinite(last));
  for (const std::uint64_t k : {4, 5, 10, 20, 50}) {
    EXPECT_LT(sequence_quantile(k, 0.05), last) << k;
    EXPECT_GT(sequence_quantile(k, 0.05), 1.96) << k;
    last = sequence_quantile(k, 0.05);
  }
}

TaskEvidence evidence(double up, double down, std::uint64_t items, std::vector<double> by_seed) {
  TaskEvidence out;
  out.up = up;
  out.down = down;
  out.items = items;
  out.seeds = by_seed.size();
  for (std::size_t s = 0; s < by_seed.size(); ++s) out.by_seed.emplace_back(s + 1, by_seed[s]);
  out.computed_once = by_seed.size() == 1;
  return out;
}

TEST(Posterior, has_a_width_where_nothing_changed_and_stays_within_bounds) {
  const TaskEvidence none = evidence(0, 0, 20, {0}), all = evidence(1, 0, 5, {1});
  const TradeoffPosterior got = tradeoff_posterior(none, all);
  EXPECT_LT(got.x95.low, -0.001);
  EXPECT_GT(got.x95.high, 0.001);
  EXPECT_LT(got.x95.high, 0.2);
  EXPECT_LE(got.y95.high, 1);
  EXPECT_LT(got.y95.low, 0.9) << "five questions are few";
  EXPECT_EQ(tradeoff_posterior(none, all).x_mean, got.x_mean) << "the same evidence";
}

TEST(Posterior, without_runs_is_dirichlets) {
  // Of Dirichlet(20.5, 10.5, 70.5): mean (20.5 - 10.5) / 101.5, variance of the difference.
  const TradeoffPosterior got =
      tradeoff_posterior(evidence(0.2, 0.1, 100, {0.1}), evidence(0.2, 0.1, 100, {0.1}));
  const double a = 20.5 / 101.5, b = 10.5 / 101.5;
  const double sd = std::sqrt((a + b - (a - b) * (a - b)) / 102.5);
  EXPECT_NEAR(got.x_mean, a - b, 0.002);
  EXPECT_NEAR(got.x95.high - got.x95.low, 2 * 1.96 * sd, 0.01);
  EXPECT_NEAR(got.correlation, 0, 0.03);
}

TEST(Posterior, of_runs_that_move_together_has_their_correlation) {
  const std::vector<double> runs = {0.02, 0.10, 0.18, 0.06, 0.14};
  const auto task = [&](bool turned) {
    std::vector<double> of = runs;
    if (turned) std::ranges::reverse(of);
    TaskEvidence out = evidence(0.2, 0.1, 5000, of);
    out.spread = RunSpread{0.004, 1e-6, 76};
    return out;
  };
  EXPECT_GT(tradeoff_posterior(task(false), task(false)).correlation, 0.5);
  const double chance = tradeoff_posterior(task(false), task(false)).chances[0].p;
  EXPECT_GT(chance, 0.9);
  EXPECT_LT(chance, 1);
}

TEST(Posterior, of_an_arm_computed_once_goes_by_the_seeds_of_the_other) {
  PairSummary first, second;
  first.task = "x";
  first.items = first.seeds = 2;
  first.delta.mean = 0;
  first.by_seed = {{1, 1, 0.1, 0, 0, 1}, {2, 1, -0.1, 0, 0, 1}};
  second = first;
  second.seeds = 1;
  second.computed_once = true;
  second.by_seed.resize(1);
  const auto x = evidence_of(first).evidence, y = evidence_of(second).evidence;
  ASSERT_TRUE(x && y);
  EXPECT_EQ(x->by_seed[0].first, 1u);
  EXPECT_EQ(x->by_seed[1].first, 2u);
  const TradeoffPosterior got = tradeoff_posterior(*x, *y);
  EXPECT_TRUE(std::isfinite(got.y_mean));
  EXPECT_LT(got.y95.low, got.y95.high);
  TaskEvidence twice = *x;
  twice.by_seed[1].first = 1;
  EXPECT_THROW(tradeoff_posterior(twice, *y), Error);
}

TEST(PerfectCalibration, is_known_in_closed_form_for_one_and_two_rows) {
  EXPECT_NEAR(expected_absolute_sum(std::vector<double>{0.3}), 2 * 0.3 * 0.7, 1e-12);
  // 0, 1 or 2 hits at 1/4, 1/2, 1/4 about 1.
  EXPECT_NEAR(expected_absolute_sum(std::vector<double>{0.5, 0.5}), 0.5, 1e-12);
  EXPECT_EQ(expected_absolute_sum({}), 0);
  EXPECT_EQ(expected_absolute_sum(std::vector<double>{1, 1, 0}), 0);
}

TEST(WithoutFailed, takes_the_columns_of_the_runs_and_no_others) {
  ScoreTable table;
  table.arm = "a";
  table.task = "t";
  table.items = {"x", "y"};
  table.clusters = {"c", "d"};
  table.seeds = {1, 2, 3};
  table.scores = {1, 0, 1, 0, 0, 1};
  table.answers = {1, 2, 3, 4, 5, 6};
  table.metrics = {{"m", {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}}};
  ScoreTable once = table;
  once.arm = "b";
  const std::vector<ScoreTable> tables = {table, once};
  const auto kept = without_failed(tables, std::vector<FailedRun>{{"a", 2, {"why"}}});
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].seeds, (std::vector<std::uint64_t>{1, 3}));
  EXPECT_EQ(kept[0].answers, (std::vector<std::uint64_t>{1, 3, 4, 6}));
  EXPECT_EQ(kept[0].metrics[0].scores[3], 0.6);
  EXPECT_EQ(kept[1].seeds.size(), 3u);
  EXPECT_NO_THROW(check_table(kept[0]));
  const std::vector<FailedRun> all = {{"a", 1, {}}, {"a", 2, {}}, {"a", 3, {}}};
  EXPECT_EQ(without_failed(tables, all).size(), 1u);
}

}  // namespace
}  // namespace tradeoff::stats
