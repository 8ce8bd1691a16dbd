#include <gtest/gtest.h>

#include "random_model.hpp"
#include "tradeoff/infer/engine.hpp"
#include "tradeoff/model/device.hpp"

// The CUDA engine against the CPU's, whose parity with transformers the golden tests hold. Label
// gpu: only on machines with one.
namespace tradeoff::infer {
namespace {

using Prompts = std::vector<std::vector<TokenId>>;

std::vector<std::vector<float>> logprobs(model::Decoder& decoder, const Prompts& prompts,
                                         const PlanOptions& plan) {
  std::vector<std::vector<float>> all(prompts.size());
  Engine engine(decoder);
  for (const Chunk& chunk : plan_chunks(prompts, plan)) {
    const auto values =
        engine.score_choices(chunk, prompts, Prompts(chunk.prompts.size(), {1, 2, 3, 4}));
    for (std::size_t i = 0; i < values.size(); ++i) all[chunk.prompts[i]] = values[i].logprobs;
  }
  return all;
}

Prompts answers(model::Decoder& decoder, const Prompts& prompts) {
  Prompts all(prompts.size());
  Engine engine(decoder);
  for (const Chunk& chunk : plan_chunks(prompts, {})) {
    GenerateOptions options;
    options.max_new_tokens = 12;
    const auto values = engine.generate(chunk, prompts, options);
    for (std::size_t i = 0; i < values.size(); ++i) all[chunk.prompts[i]] = values[i].ids;
  }
  return all;
}

double largest_difference(const std::vector<std::vector<float>>& a,
                          const std::vector<std::vector<float>>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; k < a[i].size(); ++k)
      worst = std::max<double>(worst, std::abs(a[i][k] - b[i][k]));
  }
  return worst;
}

TEST(GpuEngine, float32_equals_the_cpu) {
  const testing::RandomModel folder(testing::small_config());
  const Prompts prompts = testing::family_prompts(testing::small_config().vocab_size);
  model::Decoder cpu(folder.folder(), {});
  model::Decoder gpu(folder.folder(),
                     {model::pick_device(model::DeviceChoice::cuda, 0, 1), c10::ScalarType::Float});
  EXPECT_LT(largest_difference(logprobs(cpu, prompts, {}), logprobs(gpu, prompts, {})), 1e-4);
  EXPECT_EQ(answers(cpu, prompts), answers(gpu, prompts));
}

TEST(GpuEngine, bfloat16_is_near_float32_and_flash_attention_merges_the_tree) {
  const testing::RandomModel folder(testing::small_config());
  const Prompts prompts = testing::family_prompts(testing::small_config().vocab_size);
  model::Decoder cpu(folder.folder(), {});
  model::Decoder gpu(folder.folder(), {model::pick_device(model::DeviceChoice::cuda, 0, 1),
                                       c10::ScalarType::BFloat16});
  PlanOptions single;
  single.chunk_size = 1;
  const auto exact = logprobs(cpu, prompts, {}), tree = logprobs(gpu, prompts, {}),
             alone = logprobs(gpu, prompts, single);
  // bfloat16 keeps 8 bits; the log-probabilities are near -6 and the logits' spread near 1.
  EXPECT_LT(largest_difference(exact, tree), 0.1);
  EXPECT_LT(largest_difference(tree, alone), 0.1);
  EXPECT_EQ(logprobs(gpu, prompts, {}), tree) << "two runs differ";
}

}  // namespace
}  // namespace tradeoff::infer
