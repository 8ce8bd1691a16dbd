#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "tradeoff/model/device.hpp"
#include "tradeoff/model/host_shelf.hpp"

// Label gpu: only on machines with one.
namespace tradeoff::model {
namespace {

c10::Device gpu() {
  return pick_device(DeviceChoice::cuda, 0, 1);
}

at::Tensor numbers(std::int64_t count, double first) {
  const auto options = at::TensorOptions(c10::ScalarType::Float).device(gpu());
  return at::arange(count, options).add_(first);
}

// Larger than what is copied in no time, so that a stream that does not wait shows.
constexpr std::int64_t kMany = 1 << 24;

TEST(HostShelf, tensors_come_back_as_they_left_whatever_takes_their_memory) {
  HostShelf shelf(gpu());
  for (int round = 0; round < 2; ++round) {
    for (std::size_t place = 0; place < 4; ++place) {
      const double first = 100.0 * static_cast<double>(place) + round;
      at::Tensor rows = numbers(kMany, first).view({-1, 64});
      shelf.put(place, {rows, at::Tensor(), numbers(5 + round, -first)});
      rows = at::Tensor();
      // The allocator gives out what has become free; the copies must be done with it.
      for (int i = 0; i < 3; ++i) at::full({kMany}, -1.0, numbers(1, 0).options());
    }
    for (std::size_t place = 4; place-- > 0;) {
      if (place > 0) shelf.fetch(place - 1);
      const std::vector<at::Tensor> back = shelf.take(place);
      const double first = 100.0 * static_cast<double>(place) + round;
      ASSERT_EQ(back.size(), 3u);
      EXPECT_TRUE(at::equal(back[0], numbers(kMany, first).view({-1, 64})));
      EXPECT_FALSE(back[1].defined());
      EXPECT_TRUE(at::equal(back[2], numbers(5 + round, -first)));
    }
  }
}

TEST(HostShelf, rows_that_lie_apart_come_back_together) {
  HostShelf shelf(gpu());
  const at::Tensor wide = numbers(64 * 64, 0).view({64, 64});
  shelf.put(0, {wide.narrow(1, 8, 16)});
  const std::vector<at::Tensor> back = shelf.take(0);
  EXPECT_TRUE(back[0].is_contiguous());
  EXPECT_TRUE(at::equal(back[0], wide.narrow(1, 8, 16)));
}

}  // namespace
}  // namespace tradeoff::model
