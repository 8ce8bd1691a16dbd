// An adapter's parameters: where they stand, how they begin, what is written and read back.
#include "tradeoff/lora/adapter.hpp"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "../infer/random_model.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/lora/peft.hpp"

namespace tradeoff::lora {
namespace {

using model::LowRank;
using model::Projection;

LoraOptions options() {
  LoraOptions options;
  options.lora_r = 4;
  options.lora_alpha = 12;
  return options;
}

TEST(Adapter, parameters_stand_by_layer_projection_a_and_b) {
  const auto config = testing::small_config();
  Adapter adapter = make_adapter(config, options());
  EXPECT_EQ(adapter.parameters.abs().max().item<float>(), 0);
  std::int64_t place = 0;
  for (const auto& layer : adapter.weights.layers) {
    for (const LowRank& update : layer) {
      for (const at::Tensor& part : {update.a, update.b}) {
        if (!part.defined()) continue;
        EXPECT_EQ(part.const_data_ptr<float>(), adapter.parameters.const_data_ptr<float>() + place);
        place += part.numel();
      }
      if (!update.a.defined()) continue;
      EXPECT_EQ(update.a.size(0), 4);
      EXPECT_EQ(update.b.size(1), 4);
      EXPECT_DOUBLE_EQ(update.scaling, 3);  // alpha / r
    }
  }
  EXPECT_EQ(place, adapter.parameters.numel());
  EXPECT_TRUE(is_alike(adapter));
}

TEST(Adapter, begins_with_uniform_a_and_zero_b_by_its_seed) {
  const auto config = testing::small_config();
  Adapter one = make_adapter(config, options()), two = make_adapter(config, options()),
          other = make_adapter(config, options());
  initialise(one, 1);
  initialise(two, 1);
  initialise(other, 2);
  EXPECT_TRUE(one.parameters.equal(two.parameters));
  EXPECT_FALSE(one.parameters.equal(other.parameters));
  for (const auto& layer : one.weights.layers) {
    for (const LowRank& update : layer) {
      if (!update.a.defined()) continue;
      const double bound = 1 / std::sqrt(static_cast<double>(update.a.size(1)));
      EXPECT_LE(update.a.abs().max().item<double>(), bound);
      EXPECT_GT(update.a.abs().max().item<double>(), 0.8 * bound);
      EXPECT_LT(std::abs(update.a.mean().item<double>()), 0.2 * bound);
      EXPECT_EQ(update.b.abs().max().item<float>(), 0);
    }
  }
}

TEST(Adapter, views_of_a_gradient_stand_where_its_matrices_do) {
  const auto config = testing::small_config();
  Adapter adapter = make_adapter(config, options());
  const at::Tensor flat = adapter.parameters.clone();
  const model::AdapterWeights views = views_of(flat, config, adapter.options);
  const LowRank& mine = adapter.weights.at(1, Projection::v);
  const LowRank& view = views.at(1, Projection::v);
  EXPECT_EQ(view.b.const_data_ptr<float>() - flat.const_data_ptr<float>(),
            mine.b.const_data_ptr<float>() - adapter.parameters.const_data_ptr<float>());
  EXPECT_EQ(view.b.sizes(), mine.b.sizes());
}

TEST(Adapter, is_read_back_as_it_was_written_and_fits_its_model_alone) {
  const c10::InferenceMode inference;
  const auto config = testing::small_config();
  Adapter adapter = make_adapter(config, options());
  initialise(adapter, 7);
  adapter.weights.at(2, Projection::down).b.fill_(0.25);
  const auto folder =
      std::filesystem::temp_directory_path() / ("tradeoff-adapter-" + std::to_string(::getpid()));
  write_peft(folder, adapter, "base");
  const Adapter read = read_peft(folder, config);
  EXPECT_TRUE(read.parameters.equal(adapter.parameters));
  EXPECT_EQ(read.options.lora_r, 4);
  EXPECT_EQ(read.options.lora_alpha, 12);
  auto wider = config;
  wider.intermediate_size += 8;
  EXPECT_THROW(read_peft(folder, wider), Error);
  std::filesystem::remove(folder / "adapter_config.json");
  EXPECT_THROW(read_peft(folder, config), Error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tradeoff::lora
