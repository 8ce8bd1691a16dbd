#include "tradeoff/train/batch_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/seed.hpp"

namespace tradeoff::train {
namespace {

std::vector<std::int64_t> samples_of(const std::vector<Draw>& draws) {
  std::vector<std::int64_t> samples;
  for (const Draw& draw : draws) samples.push_back(draw.sample);
  return samples;
}

TEST(BatchPlanTest, every_epoch_draws_every_sample_once_in_an_order_of_its_own) {
  for (const std::int64_t size : {1, 3, 4, 10}) {
    BatchPlan plan(size, 4, 7, true);
    std::vector<std::vector<std::int64_t>> orders;
    std::int64_t number = 0;
    for (std::int64_t step = 0; step < 3 * steps_per_epoch(size, 4); ++step) {
      const auto draws = plan.step(step);
      const auto epoch = static_cast<std::size_t>(plan.epoch_of(step));
      orders.resize(epoch + 1);
      for (const Draw& draw : draws) {
        EXPECT_EQ(draw.number, number++);
        orders[epoch].push_back(draw.sample);
      }
    }
    for (const auto& order : orders) {
      EXPECT_EQ(std::set(order.begin(), order.end()).size(), static_cast<std::size_t>(size));
      EXPECT_EQ(order.size(), static_cast<std::size_t>(size));
    }
    if (size == 10) {
      EXPECT_NE(orders[0], orders[1]);
    }
  }
}

TEST(BatchPlanTest, a_step_can_be_asked_for_without_those_before_it) {
  BatchPlan whole(10, 3, 1, true), late(10, 3, 1, true);
  for (std::int64_t step = 0; step < 9; ++step) whole.step(step);
  EXPECT_EQ(samples_of(whole.step(9)), samples_of(late.step(9)));
  EXPECT_NE(samples_of(BatchPlan(10, 3, 2, true).step(9)), samples_of(late.step(9)));
}

TEST(BatchPlanTest, no_shuffle_keeps_the_order_of_the_file) {
  BatchPlan plan(5, 2, 1, false);
  EXPECT_EQ(samples_of(plan.step(0)), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(samples_of(plan.step(2)), (std::vector<std::int64_t>{4}));
  EXPECT_EQ(samples_of(plan.step(3)), (std::vector<std::int64_t>{0, 1}));
}

TEST(BatchPlanTest, steps_follow_epochs_or_their_own_number) {
  TrainOptions options;
  EXPECT_EQ(total_steps(options, 7000, 4), 1750);
  options.num_train_epochs = 0.5;
  EXPECT_EQ(total_steps(options, 10, 4), 2);
  options.max_steps = 50;
  EXPECT_EQ(total_steps(options, 7000, 4), 50);
  EXPECT_EQ(global_batch_size(options, 8), 4);
  options.per_device_train_batch_size = 2;
  options.gradient_accumulation_steps = 3;
  EXPECT_EQ(global_batch_size(options, 2), 12);
  options.train_batch_size = 4;
  EXPECT_THROW(check_options(options), Error);
}

// Families with a common beginning; lengths up to 400.
std::vector<Sample> random_samples(std::size_t count, std::uint64_t seed) {
  SeedStream stream(seed, "samples");
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < count; ++i) {
    Sample sample;
    sample.ids.assign(100, static_cast<TokenId>(stream.below(3)));
    const std::size_t more = 2 + stream.below(300);
    for (std::size_t k = 0; k < more; ++k) {
      sample.ids.push_back(static_cast<TokenId>(stream.below(50)));
    }
    sample.first_supervised = static_cast<std::int64_t>(sample.ids.size()) - 1;
    samples.push_back(std::move(sample));
  }
  return samples;
}

std::vector<const Sample*> pointers(const std::vector<Sample>& samples) {
  std::vector<const Sample*> batch;
  for (const Sample& sample : samples) batch.push_back(&sample);
  return batch;
}

TEST(MicroBatchTest, every_sample_stands_in_one_pass_that_keeps_to_the_budget) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto samples = random_samples(1 + seed, seed);
    const auto batch = pointers(samples);
    for (const bool share : {false, true}) {
      TrainOptions options;
      options.share_prefix = share;
      options.micro_batch_tokens = 500;
      const auto micros = plan_micro_batches(batch, options);
      std::set<std::size_t> seen;
      for (const MicroBatch& micro : micros) {
        for (const std::size_t member : micro.members) EXPECT_TRUE(seen.insert(member).second);
        EXPECT_LE(micro.tokens, 500);
      }
      EXPECT_EQ(seen.size(), batch.size());
      options.packing = false;
      EXPECT_EQ(plan_micro_batches(batch, options).size(), batch.size());
    }
  }
}

TEST(MicroBatchTest, sharing_prefixes_takes_fewer_tokens) {
  const auto samples = random_samples(12, 1);
  const auto batch = pointers(samples);
  const auto tokens = [&](bool share) {
    TrainOptions options;
    options.min_passes = 1;
    options.share_prefix = share;
    std::int64_t sum = 0;
    for (const MicroBatch& micro : plan_micro_batches(batch, options)) sum += micro.tokens;
    return sum;
  };
  EXPECT_LT(tokens(true), tokens(false));
}

TEST(MicroBatchTest, a_step_has_work_for_as_many_ranks_as_asked) {
  const auto samples = random_samples(5, 3);
  TrainOptions options;
  options.micro_batch_tokens = 100000;
  for (const auto& [asked, passes] : {std::pair{1, 1}, {2, 2}, {3, 3}, {9, 5}}) {
    options.min_passes = asked;
    EXPECT_EQ(plan_micro_batches(pointers(samples), options).size(),
              static_cast<std::size_t>(passes));
  }
}

TEST(MicroBatchTest, a_sample_over_the_budget_has_a_pass_of_its_own) {
  const auto samples = random_samples(6, 2);
  TrainOptions options;
  options.micro_batch_tokens = 10;
  EXPECT_LE(plan_micro_batches(pointers(samples), options).size(), samples.size());
}

TEST(MicroBatchTest, ranks_get_all_passes_about_evenly) {
  std::vector<MicroBatch> micros(7);
  for (std::size_t i = 0; i < micros.size(); ++i) micros[i].tokens = 100 + static_cast<int>(i);
  for (const int ranks : {1, 2, 3, 10}) {
    std::vector<std::int64_t> load(static_cast<std::size_t>(ranks), 0);
    const auto owner = assign_ranks(micros, ranks);
    ASSERT_EQ(owner.size(), micros.size());
    for (std::size_t i = 0; i < owner.size(); ++i) {
      load.at(static_cast<std::size_t>(owner[i])) += micros[i].tokens;
    }
    const auto [least, most] = std::ranges::minmax(load);
    EXPECT_LE(most - least, 107);
  }
}

}  // namespace
}  // namespace tradeoff::train
