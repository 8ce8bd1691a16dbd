#include "tradeoff/results/prompt_table.hpp"

#include <gtest/gtest.h>

namespace tradeoff::results {
namespace {

TEST(PromptTable, keeps_every_byte_and_shares_what_is_alike) {
  const std::vector<std::string> prompts = {"",     "abc é x", "abc è x", "abc è x",
                                            "🙂", "🙃",    "abc"};
  const store::Table table = prompt_table(prompts);
  EXPECT_EQ(prompts_of(table), prompts);
  EXPECT_EQ(table.at<store::Ints>("shared"), (store::Ints{0, 0, 4, 8, 0, 0, 0}));
  EXPECT_EQ(prompts_of(prompt_table({})), std::vector<std::string>{});
}

}  // namespace
}  // namespace tradeoff::results
