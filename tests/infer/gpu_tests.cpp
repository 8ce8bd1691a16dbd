#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "random_model.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/infer/engine.hpp"
#include "tradeoff/infer/sampling.hpp"
#include "tradeoff/model/device.hpp"

// The CUDA engine against the CPU's, whose parity with transformers the golden tests hold. Label
// gpu: only on machines with one.
namespace tradeoff::infer {
namespace {

using Prompts = std::vector<std::vector<TokenId>>;

std::vector<std::vector<float>> logprobs(model::Decoder& decoder, const Prompts& prompts,
                                         const ChunkPlanOptions& plan) {
  std::vector<std::vector<float>> all(prompts.size());
  Engine engine(decoder);
  for (const Chunk& chunk : plan_chunks(prompts, plan)) {
    const auto values =
        engine.score_choices(chunk, prompts, Prompts(chunk.prompts.size(), {1, 2, 3, 4}));
    for (std::size_t i = 0; i < values.size(); ++i) all[chunk.prompts[i]] = values[i].logprobs;
  }
  return all;
}

Prompts answers(model::Decoder& decoder, const Prompts& prompts, bool graphs = true,
                std::vector<TokenId> end_tokens = {}) {
  Prompts all(prompts.size());
  EngineOptions engine_options;
  engine_options.cuda_graphs = graphs;
  Engine engine(decoder, engine_options);
  for (const Chunk& chunk : plan_chunks(prompts, {})) {
    GenerateOptions options;
    options.max_new_tokens = 12;
    options.end_tokens = end_tokens;
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

// Rows of a large vocabulary, one of them flat but for few tokens, one with equal scores at every
// border.
TEST(GpuSampling, draws_are_those_of_the_cpu) {
  constexpr std::int64_t kRows = 5, kVocabulary = 151'937, kDraws = 257;
  SeedStream stream(3, "draws");
  std::vector<float> logits;
  for (std::int64_t i = 0; i < kRows * kVocabulary; ++i) {
    const auto value = static_cast<float>(12 * stream.uniform());
    logits.push_back(i / kVocabulary == 1   ? (i % 5000 == 0 ? 3.0f : 1e-3f * value)
                     : i / kVocabulary == 2 ? std::floor(value)
                                            : value);
  }
  std::vector<double> uniforms;
  for (std::int64_t i = 0; i < kRows * kDraws; ++i)
    uniforms.push_back((static_cast<double>(stream.below(1ull << 32)) + 0.5) * 0x1p-32);
  const at::Tensor rows = at::tensor(logits).view({kRows, kVocabulary});
  const at::Tensor numbers = at::tensor(uniforms, c10::kDouble).view({kRows, kDraws});
  const c10::Device device = model::pick_device(model::DeviceChoice::cuda, 0, 1);
  for (const double temperature : {0.3, 0.6, 1.0, 2.0}) {
    for (const std::int64_t top_k : {0, 1, 50, 200'000}) {
      for (const double top_p : {1e-9, 0.5, 0.9, 0.999, 1.0}) {
        const Sampling sampling{.temperature = temperature, .top_k = top_k, .top_p = top_p};
        const at::Tensor here = draw(rows, sampling, numbers),
                         there = draw(rows.to(device), sampling, numbers.to(device)).cpu();
        EXPECT_TRUE(at::equal(here, there)) << temperature << " " << top_k << " " << top_p;
      }
    }
  }
  const at::Tensor none = at::full({1, 100}, -std::numeric_limits<float>::infinity()).to(device);
  EXPECT_EQ(draw(none, {.temperature = 1}, numbers.narrow(0, 0, 1).narrow(1, 0, 1).to(device))
                .item<std::int64_t>(),
            -1);
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
  ChunkPlanOptions single;
  single.chunk_size = 1;
  const auto exact = logprobs(cpu, prompts, {}), tree = logprobs(gpu, prompts, {}),
             alone = logprobs(gpu, prompts, single);
  // bfloat16 keeps 8 bits; the log-probabilities are near -6 and the logits' spread near 1.
  EXPECT_LT(largest_difference(exact, tree), 0.1);
  EXPECT_LT(largest_difference(tree, alone), 0.1);
  EXPECT_EQ(logprobs(gpu, prompts, {}), tree) << "two runs differ";
}

// Heads as wide as the decode kernel takes, with what else it has to know: windows, score caps,
// groups of heads that fill no block.
std::vector<model::DecoderConfig> decode_configs() {
  const auto config = [](Json more) {
    Json all = {{"model_type", "llama"},    {"vocab_size", 517},
                {"hidden_size", 128},       {"intermediate_size", 256},
                {"num_hidden_layers", 3},   {"num_attention_heads", 6},
                {"num_key_value_heads", 2}, {"head_dim", 64},
                {"rope_theta", 10000.0},    {"max_position_embeddings", 512}};
    all.update(more);
    return model::parse_config(all);
  };
  return {config(Json::object()), config({{"head_dim", 128}, {"num_attention_heads", 10}}),
          config({{"head_dim", 256}, {"num_attention_heads", 2}}),
          config({{"model_type", "gemma2"},
                  {"hidden_activation", "gelu_pytorch_tanh"},
                  {"query_pre_attn_scalar", 64},
                  {"sliding_window", 50},
                  {"attn_logit_softcapping", 2.0},
                  {"final_logit_softcapping", 3.0}})};
}

TEST(GpuEngine, steps_of_few_rows_equal_the_cpu_and_graphs_change_no_token) {
  for (const model::DecoderConfig& config : decode_configs()) {
    const testing::RandomModel folder(config);
    const Prompts prompts = testing::family_prompts(config.vocab_size);
    model::Decoder cpu(folder.folder(), {});
    const c10::Device device = model::pick_device(model::DeviceChoice::cuda, 0, 1);
    model::Decoder gpu(folder.folder(), {device, c10::ScalarType::Float});
    const Prompts expected = answers(cpu, prompts);
    EXPECT_EQ(answers(gpu, prompts), expected) << config.json;
    EXPECT_EQ(answers(gpu, prompts, false), expected) << config.json;
    // Answers that end apart: the rows become fewer on the way.
    const std::vector<TokenId> ends = {expected[0][3], expected[4][6], expected[9][1]};
    EXPECT_EQ(answers(gpu, prompts, true, ends), answers(cpu, prompts, true, ends));
    model::Decoder half(folder.folder(), {device, c10::ScalarType::BFloat16});
    EXPECT_EQ(answers(half, prompts, true, ends), answers(half, prompts, false, ends));
  }
}

}  // namespace
}  // namespace tradeoff::infer
