#include "cell_plan.hpp"

#include <gtest/gtest.h>

namespace tradeoff::study {
namespace {

TEST(LongestFirst, trainings_come_first_and_epochs_before_steps) {
  StudyOptions options;
  options.arms.resize(4);
  for (const std::size_t arm : {1, 2, 3}) options.arms[arm].trains = true;
  options.arms[1].train.max_steps = 50;
  options.arms[2].train.max_steps = 200;
  options.arms[3].train.max_steps = 0;
  const std::vector<Cell> cells = {{0, 1, {}}, {1, 1, {}}, {1, 2, {}}, {2, 1, {}}, {3, 1, {}}};
  EXPECT_EQ(longest_first(options, cells), (std::vector<std::size_t>{4, 3, 1, 2, 0}));
  EXPECT_TRUE(longest_first(options, {}).empty());
}

}  // namespace
}  // namespace tradeoff::study
