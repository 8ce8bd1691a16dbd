#include "tradeoff/infer/sampling.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "random_model.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/infer/engine.hpp"

namespace tradeoff::infer {
namespace {

using testing::family_prompts;
using testing::RandomModel;
using testing::small_config;
using Prompts = std::vector<std::vector<TokenId>>;

at::Tensor logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return at::tensor(logits).view({1, -1});
}

// Of a grid of uniform numbers the tokens they fall on.
std::set<std::int64_t> drawn(const at::Tensor& logits, const Sampling& sampling) {
  std::vector<double> uniforms;
  for (int i = 0; i < 4096; ++i) uniforms.push_back((i + 0.5) / 4096);
  const at::Tensor tokens =
      draw(logits, sampling, at::tensor(uniforms, c10::ScalarType::Double).view({1, -1}));
  const auto* const data = tokens.const_data_ptr<std::int64_t>();
  return {data, data + tokens.numel()};
}

TEST(Sampling, draws_are_a_function_of_seeds_item_sample_and_step) {
  const DrawKey key = draw_key(0, 1, "17");
  EXPECT_EQ(key, draw_key(0, 1, "17"));
  std::set<double> different = {uniform_draw(key, 0, 0),
                                uniform_draw(key, 0, 1),
                                uniform_draw(key, 1, 0),
                                uniform_draw(draw_key(1, 1, "17"), 0, 0),
                                uniform_draw(draw_key(0, 2, "17"), 0, 0),
                                uniform_draw(draw_key(0, 1, "18"), 0, 0)};
  EXPECT_EQ(different.size(), 6u);
  for (const double u : different) EXPECT_TRUE(u > 0 && u < 1) << u;
}

TEST(Sampling, top_k_keeps_ties_with_the_kth_and_top_p_the_higher_id) {
  const at::Tensor tied = logits_of({0.125, 0.25, 0.25, 0.25, 0.125});
  Sampling sampling{.temperature = 1, .top_k = 1};
  EXPECT_EQ(drawn(tied, sampling), (std::set<std::int64_t>{1, 2, 3}));
  sampling = {.temperature = 1, .top_p = 0.3};
  EXPECT_EQ(drawn(tied, sampling), (std::set<std::int64_t>{2, 3}));
  sampling.top_p = 1e-9;
  EXPECT_EQ(drawn(tied, sampling), (std::set<std::int64_t>{3})) << "at least one";
  sampling.top_p = 1;
  EXPECT_EQ(drawn(tied, sampling).size(), 5u);
}

TEST(Sampling, temperature_comes_before_the_cuts) {
  const at::Tensor logits = logits_of({0.6, 0.3, 0.1});
  EXPECT_EQ(drawn(logits, {.temperature = 1, .top_p = 0.85}), (std::set<std::int64_t>{0, 1}));
  EXPECT_EQ(drawn(logits, {.temperature = 0.2, .top_p = 0.85}), (std::set<std::int64_t>{0}));
}

TEST(Sampling, ties_are_cut_from_the_lowest_id_on) {
  const std::vector<float> flat(5000);
  const auto weights = draw_weights(flat, {.temperature = 1, .top_p = 0.5});
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_EQ(weights[i], i < 2500 ? 0 : std::uint64_t{1} << 44) << i;
}

TEST(Sampling, weights_are_the_exponentials_of_scores_above_minus_infinity) {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> logits = {-infinity, std::nanf(""), -0.0f, 0.0f};
  for (int i = 1; i < 300; ++i) logits.push_back(-0.1f * static_cast<float>(i));
  const auto weights = draw_weights(logits, {.temperature = 1});
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(weights[i], 0u);
  for (std::size_t i = 2; i < logits.size(); ++i) {
    const double expected = std::ldexp(std::exp(static_cast<double>(logits[i])), 44);
    EXPECT_NEAR(static_cast<double>(weights[i]), expected, 0.5 + 0x1p-32 * expected) << logits[i];
  }
  const at::Tensor none = at::full({1, 9}, -infinity), half = at::full({1, 1}, 0.5, c10::kDouble);
  EXPECT_EQ(draw(none, {.temperature = 1}, half).item<std::int64_t>(), -1);
}

TEST(Sampling, rows_do_not_depend_on_the_rows_beside) {
  SeedStream stream(1, "rows");
  std::vector<float> values;
  for (int i = 0; i < 3 * 700; ++i) values.push_back(static_cast<float>(8 * stream.uniform()));
  const at::Tensor rows = at::tensor(values).view({3, 700});
  const at::Tensor uniforms =
      at::tensor(std::vector<double>(3, 0.4), c10::ScalarType::Double).view({3, 1});
  for (const Sampling& sampling :
       {Sampling{.temperature = 0.7}, Sampling{.temperature = 2, .top_p = 0.9},
        Sampling{.temperature = 1, .top_k = 20, .top_p = 0.5}}) {
    const at::Tensor together = draw(rows, sampling, uniforms);
    for (std::int64_t i = 0; i < 3; ++i) {
      const at::Tensor alone = draw(rows.narrow(0, i, 1), sampling, uniforms.narrow(0, i, 1));
      EXPECT_EQ(alone.item<std::int64_t>(), together[i].item<std::int64_t>());
    }
  }
}

struct Sampled {
  std::vector<Answer> answers;  // [prompts, samples]
  std::int64_t prefill_tokens = 0;
};

Sampled sample(model::Decoder& decoder, const Prompts& prompts, const Sampling& sampling,
               const ChunkPlanOptions& plan = {}, const EngineOptions& engine_options = {}) {
  const auto samples = static_cast<std::size_t>(sampling.samples);
  Sampled out{std::vector<Answer>(prompts.size() * samples), 0};
  Engine engine(decoder, engine_options);
  for (const Chunk& chunk : plan_chunks(prompts, plan)) {
    GenerateOptions options;
    options.max_new_tokens = 12;
    options.sampling = sampling;
    for (const std::int64_t prompt : chunk.prompts)
      options.keys.push_back(draw_key(5, 0, std::to_string(prompt)));
    const auto answers = engine.generate(chunk, prompts, options);
    for (std::size_t i = 0; i < answers.size(); ++i)
      out.answers[chunk.prompts[i / samples] * samples + i % samples] = answers[i];
  }
  out.prefill_tokens = engine.prefill_tokens();
  return out;
}

Prompts ids_of(const Sampled& sampled, std::size_t samples, std::size_t of) {
  Prompts ids;
  for (std::size_t i = of; i < sampled.answers.size(); i += samples)
    ids.push_back(sampled.answers[i].ids);
  return ids;
}

TEST(SampledEngine, samples_share_their_prompt_and_are_those_that_one_at_a_time_gives) {
  const RandomModel folder(small_config(), 1, 0.2);
  const Prompts prompts = family_prompts(small_config().vocab_size);
  model::Decoder decoder(folder.folder(), {});
  const Sampled one = sample(decoder, prompts, {.temperature = 0.8, .top_p = 0.9});
  const Sampled four = sample(decoder, prompts, {.temperature = 0.8, .top_p = 0.9, .samples = 4});
  EXPECT_EQ(ids_of(one, 1, 0), ids_of(four, 4, 0));
  EXPECT_NE(ids_of(four, 4, 1), ids_of(four, 4, 0));
  const Sampled greedy = sample(decoder, prompts, {});
  EXPECT_EQ(four.prefill_tokens, greedy.prefill_tokens) << "a prompt is computed once";
}

TEST(SampledEngine, samples_without_room_come_in_turns_and_are_the_same) {
  const RandomModel folder(small_config(), 1, 0.2);
  const Prompts prompts = family_prompts(small_config().vocab_size);
  model::Decoder decoder(folder.folder(), {});
  const Sampling sampling = {.temperature = 0.8, .top_p = 0.9, .samples = 5};
  const Sampled together = sample(decoder, prompts, sampling);
  // Room for one sample, and for two of the largest chunk.
  for (const std::int64_t rows : {std::int64_t{1}, 2 * 12 * std::ssize(prompts)}) {
    const Sampled apart = sample(decoder, prompts, sampling, {}, {.sample_rows = rows});
    for (std::size_t k = 0; k < 5; ++k)
      EXPECT_EQ(ids_of(apart, 5, k), ids_of(together, 5, k)) << rows << " rows, sample " << k;
    EXPECT_EQ(apart.prefill_tokens, together.prefill_tokens);
  }
}

TEST(SampledEngine, another_chunk_size_draws_the_same) {
  const RandomModel folder(small_config(), 1, 0.2);
  const Prompts prompts = family_prompts(small_config().vocab_size);
  model::Decoder decoder(folder.folder(), {});
  const Sampling sampling{.temperature = 1, .top_k = 50, .samples = 3};
  ChunkPlanOptions few;
  few.chunk_size = 2;
  const Sampled whole = sample(decoder, prompts, sampling),
                cut = sample(decoder, prompts, sampling, few);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_EQ(ids_of(whole, 3, k), ids_of(cut, 3, k));
}

TEST(SampledEngine, logprob_is_that_of_the_tokens_drawn_at_temperature_one) {
  const RandomModel folder(small_config(), 1, 0.2);
  const Prompts prompts = family_prompts(small_config().vocab_size);
  model::Decoder decoder(folder.folder(), {});
  const Sampled sampled = sample(decoder, prompts, {.temperature = 2, .top_k = 5, .samples = 2});
  // Teacher forcing: each token after the text before it.
  for (const std::size_t at : {std::size_t{0}, std::size_t{7}, sampled.answers.size() - 1}) {
    const Answer& answer = sampled.answers[at];
    Prompts texts, choices;
    for (std::size_t t = 0; t < answer.ids.size(); ++t) {
      texts.push_back(prompts[at / 2]);
      texts.back().insert(texts.back().end(), answer.ids.begin(),
                          answer.ids.begin() + static_cast<std::ptrdiff_t>(t));
    }
    Engine engine(decoder);
    double expected = 0;
    for (const Chunk& chunk : plan_chunks(texts, {})) {
      choices.clear();
      for (const std::int64_t text : chunk.prompts) choices.push_back({answer.ids[text]});
      for (const ChoiceScores& score : engine.score_choices(chunk, texts, choices))
        expected += score.logprobs[0];
    }
    EXPECT_NEAR(answer.logprob, expected, 1e-3);
  }
}

}  // namespace
}  // namespace tradeoff::infer
