#include "tradeoff/stats/samples.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tradeoff/base/error.hpp"
#include "tradeoff/stats/paired.hpp"

namespace tradeoff::stats {
namespace {

using Groups = std::vector<std::uint64_t>;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

TEST(Vote, the_largest_group_wins_and_ties_go_to_the_lowest_sample) {
  const auto won = [](const Groups& groups) {
    const Vote found = vote(groups);
    return std::pair(found.sample, found.votes);
  };
  EXPECT_EQ(won({7, 5, 5}), std::pair(std::size_t{1}, std::size_t{2}));
  EXPECT_EQ(won({7, 5, 5, 7}), std::pair(std::size_t{0}, std::size_t{2}));
  EXPECT_EQ(won({0, 0, 0, 9}), std::pair(std::size_t{3}, std::size_t{1}))
      << "failures have no vote";
  EXPECT_EQ(won({0, 0}), std::pair(std::size_t{0}, std::size_t{0}));
}

TEST(Vote, weighs_by_probability_where_asked) {
  const Groups groups = {7, 5, 5};
  const std::vector<double> likely_first = {-1, -5, -5}, unknown = {kUnknown, -900, -901};
  EXPECT_EQ(vote_weighted(groups, likely_first).sample, 0u);
  EXPECT_EQ(vote_weighted(groups, unknown).sample, 1u) << "probabilities below the smallest double";
}

TEST(PassAtK, is_the_share_of_draws_of_k_that_hold_a_right_one) {
  EXPECT_DOUBLE_EQ(pass_at_k(8, 2, 1), 0.25);
  EXPECT_DOUBLE_EQ(pass_at_k(4, 1, 2), 0.5);
  EXPECT_DOUBLE_EQ(pass_at_k(5, 0, 5), 0);
  EXPECT_DOUBLE_EQ(pass_at_k(5, 1, 5), 1);
  EXPECT_THROW(pass_at_k(5, 1, 6), Error);
  EXPECT_THROW(pass_at_k(5, 1, 0), Error);
}

// Items x one seed x samples, each in a cluster of its own.
ScoreTable table_of(const std::string& arm, const std::vector<std::vector<double>>& answers) {
  ScoreTable table;
  table.arm = arm;
  table.task = "task";
  table.seeds = {1};
  table.samples.count = answers.front().size();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    table.items.push_back(std::to_string(i));
    table.clusters.push_back(std::to_string(i));
    double sum = 0;
    for (const double score : answers[i]) {
      sum += score;
      table.samples.scores.push_back(score);
      table.samples.groups.push_back(score > 0 ? 1 : 2);
      table.samples.logprobs.push_back(-1);
    }
    table.scores.push_back(sum / static_cast<double>(answers[i].size()));
  }
  return table;
}

ScoreTable greedy(const std::vector<double>& scores) {
  ScoreTable table = table_of("greedy", std::vector<std::vector<double>>(scores.size(), {0}));
  table.samples = {};
  table.scores.assign(scores.begin(), scores.end());
  return table;
}

TEST(Samples, arms_are_compared_on_the_answers_that_both_have) {
  const ScoreTable five = table_of("five", {{0, 0, 1, 1, 1}, {1, 1, 0, 0, 0}, {0, 1, 1, 1, 1}});
  const ScoreTable two = table_of("two", {{1, 0}, {1, 1}, {1, 1}});
  const PairSummary pair = compare_pair(five, two);
  EXPECT_EQ(pair.samples, 2u);
  EXPECT_EQ(pair.samples_a, 5u);
  EXPECT_EQ(pair.samples_b, 2u);
  EXPECT_DOUBLE_EQ(*pair.delta.mean, (0.5 + 0 + 0.5) / 3);
}

TEST(Samples, a_greedy_answer_stands_for_any_number) {
  const PairSummary pair =
      compare_pair(greedy({1, 0, 0}), table_of("three", {{1, 1, 0}, {0, 1, 1}, {0, 0, 0}}));
  EXPECT_EQ(pair.samples, 3u);
  EXPECT_NEAR(*pair.delta.mean, (-1.0 / 3 + 2.0 / 3) / 3, 1e-15);
  EXPECT_NEAR(*pair.delta.sampling, 2 * (1.0 / 3 / 3) / 9, 1e-15);
}

TEST(Samples, the_parts_of_the_variance_add_up_and_more_samples_are_told) {
  std::vector<std::vector<double>> a, b;
  for (int i = 0; i < 40; ++i) {
    a.push_back({i % 2 ? 1.0 : 0.0, i % 3 ? 1.0 : 0.0});
    b.push_back({i % 5 ? 1.0 : 0.0, i % 7 ? 1.0 : 0.0});
  }
  const PairSummary pair = compare_pair(table_of("a", a), table_of("b", b));
  const auto parts = pair.delta.variance();
  ASSERT_TRUE(parts && parts->sampling);
  EXPECT_GT(*parts->sampling, 0);
  EXPECT_NEAR(parts->total(), pair.delta.small_sample->se * pair.delta.small_sample->se, 1e-15);
  EXPECT_NEAR(parts->at(1, 1, 2), parts->total() - *parts->sampling / 2, 1e-15);
}

TEST(Samples, one_answer_has_no_sampling_part) {
  const PairSummary pair =
      compare_pair(table_of("a", {{1}, {0}, {1}}), table_of("b", {{0}, {1}, {1}}));
  EXPECT_EQ(pair.samples, 1u);
  EXPECT_FALSE(pair.delta.variance()->sampling.has_value());
}

}  // namespace
}  // namespace tradeoff::stats
