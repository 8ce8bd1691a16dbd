#include "tradeoff/train/sample.hpp"

#include <gtest/gtest.h>

#include "../task/fixture.hpp"

namespace tradeoff::train {
namespace {

constexpr TokenId kEnd = 257;  // <|im_end|> of chatml_bytes()

task::Item row(const std::string& id, const std::string& prompt, const std::string& completion) {
  task::Item item;
  item.id = id;
  item.prompt = prompt;
  item.completion = completion;
  return item;
}

TEST(SampleTest, prompt_and_completion_are_joined_and_the_end_token_stands_once) {
  const auto tokenizer = task::chatml_bytes();
  const std::vector<task::Item> items = {row("a", "<|im_start|>ab", "<|im_end|>"),
                                         row("b", "x", "yz")};
  const SampleSet set = make_samples(items, tokenizer, kEnd, 100, {});
  // Special tokens are parsed in the prompt alone.
  EXPECT_EQ(set.samples[0].ids.size(), 3U + 10U + 1U);
  EXPECT_EQ(set.samples[0].first_supervised, 3);
  EXPECT_EQ(set.samples[1].ids, (std::vector<TokenId>{'x', 'y', 'z', kEnd}));
  EXPECT_EQ(set.samples[1].supervised(), 3);
  EXPECT_EQ(set.longest, 14);
  TrainOptions whole;
  whole.train_on_prompt = true;
  EXPECT_EQ(make_samples(items, tokenizer, kEnd, 100, whole).samples[0].first_supervised, 1);
}

TEST(SampleTest, prompt_ids_win_over_the_prompt) {
  task::Item item = row("a", "text", "y");
  item.prompt_ids = {1, 2};
  const SampleSet set = make_samples(std::vector{item}, task::chatml_bytes(), kEnd, 100, {});
  EXPECT_EQ(set.samples[0].ids, (std::vector<TokenId>{1, 2, 'y', kEnd}));
  item.prompt_ids = {1, 99999};
  EXPECT_NE(task::message_of([&] {
              make_samples(std::vector{item}, task::chatml_bytes(), kEnd, 100, {});
            }).find("row a: prompt_ids: found 99999"),
            std::string::npos);
}

TEST(SampleTest, a_row_without_a_supervised_token_is_refused) {
  const std::vector<task::Item> items = {row("a", "x", "y"), row("empty", "x", "")};
  EXPECT_NE(task::message_of([&] {
              make_samples(items, task::chatml_bytes(), kEnd, 100, {});
            }).find("row empty: no supervised token"),
            std::string::npos);
}

TEST(SampleTest, a_sample_over_the_limit_is_refused_or_counted) {
  std::vector<task::Item> items = {row("short", "x", "y"), row("long", "xxxxxxxx", "y")};
  const auto tokenizer = task::chatml_bytes();
  const std::string refused =
      task::message_of([&] { make_samples(items, tokenizer, kEnd, 5, {}); });
  EXPECT_NE(refused.find("row long: 10 tokens, the limit is 5"), std::string::npos) << refused;
  TrainOptions skip;
  skip.overlong = Overlong::skip;
  EXPECT_EQ(make_samples(items, tokenizer, kEnd, 5, skip).overlong, 1);
  items.erase(items.begin());
  EXPECT_NE(task::message_of([&] {
              make_samples(items, tokenizer, kEnd, 5, skip);
            }).find("no training sample is left"),
            std::string::npos);
}

TEST(SampleTest, the_hash_tells_data_and_supervision_apart) {
  const auto tokenizer = task::chatml_bytes();
  const auto hash = [&](const task::Item& item, const TrainOptions& options = {}) {
    return make_samples(std::vector{item}, tokenizer, kEnd, 100, options).sha256;
  };
  TrainOptions whole;
  whole.train_on_prompt = true;
  EXPECT_EQ(hash(row("a", "x", "y")), hash(row("b", "x", "y")));
  EXPECT_NE(hash(row("a", "x", "y")), hash(row("a", "x", "z")));
  EXPECT_NE(hash(row("a", "xx", "y")), hash(row("a", "xx", "y"), whole));
}

}  // namespace
}  // namespace tradeoff::train
