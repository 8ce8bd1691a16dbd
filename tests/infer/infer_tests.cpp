#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <numeric>
#include <set>

#include "prompt_order.hpp"
#include "random_model.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/infer/chunk_plan.hpp"
#include "tradeoff/infer/engine.hpp"

namespace tradeoff::infer {
namespace {

using testing::family_prompts;
using testing::RandomModel;
using testing::small_config;
using Prompts = std::vector<std::vector<TokenId>>;

struct Results {
  std::vector<std::vector<TokenId>> tokens;
  std::vector<std::vector<float>> logprobs;
};

Results run(model::Decoder& decoder, const Prompts& prompts, const ChunkPlanOptions& plan,
            const EngineOptions& options) {
  Results results{Prompts(prompts.size()), std::vector<std::vector<float>>(prompts.size())};
  Engine engine(decoder, options);
  for (const Chunk& chunk : plan_chunks(prompts, plan)) {
    GenerateOptions generate;
    generate.max_new_tokens = 12;
    const auto answers = engine.generate(chunk, prompts, generate);
    const auto logprobs =
        engine.score_choices(chunk, prompts, Prompts(chunk.prompts.size(), {1, 2, 3, 4}));
    for (std::size_t i = 0; i < chunk.prompts.size(); ++i) {
      results.tokens[chunk.prompts[i]] = answers[i].ids;
      results.logprobs[chunk.prompts[i]] = logprobs[i].logprobs;
      // The likeliest token of all is the first that greedy decoding takes.
      const auto& first = answers[i].ids;
      const int expected =
          !first.empty() && first[0] >= 1 && first[0] <= 4 ? static_cast<int>(first[0]) - 1 : -1;
      EXPECT_EQ(logprobs[i].greedy, expected);
    }
  }
  return results;
}

double largest_difference(const Results& a, const Results& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.logprobs.size(); ++i) {
    for (std::size_t k = 0; k < 4; ++k)
      worst = std::max<double>(worst, std::abs(a.logprobs[i][k] - b.logprobs[i][k]));
  }
  return worst;
}

TEST(PrefixTree, every_prompt_is_its_path_of_runs) {
  Prompts prompts = family_prompts(50);
  std::ranges::sort(prompts);
  std::vector<const std::vector<TokenId>*> sorted;
  for (const auto& prompt : prompts) sorted.push_back(&prompt);
  const PrefixTree tree = build_prefix_tree(sorted, 0);
  std::int64_t tokens = 0, leaves = 0;
  for (const auto& run : tree.runs) {
    tokens += run.tokens();
    EXPECT_GT(run.tokens(), 0);
    if (!run.leaf) continue;
    ++leaves;
    EXPECT_EQ(run.end, static_cast<std::int64_t>(sorted[run.prompt]->size()));
    std::int64_t begin = run.begin;
    for (std::int64_t at = run.parent; at >= 0; at = tree.runs[at].parent) {
      const auto& above = tree.runs[at];
      EXPECT_EQ(above.end, begin);
      EXPECT_TRUE(std::equal(sorted[above.prompt]->begin(),
                             sorted[above.prompt]->begin() + above.end,
                             sorted[run.prompt]->begin()));
      begin = above.begin;
    }
    EXPECT_EQ(begin, 0);
  }
  EXPECT_EQ(leaves, static_cast<std::int64_t>(prompts.size()));
  EXPECT_EQ(tokens, tree.tokens);
  const std::int64_t unshared = std::accumulate(
      prompts.begin(), prompts.end(), std::int64_t{0},
      [](auto sum, const auto& p) { return sum + static_cast<std::int64_t>(p.size()); });
  EXPECT_LT(tokens, unshared / 2);
}

TEST(PrefixTree, unsorted_prompts_and_a_root_that_swallows_one_are_refused) {
  const std::vector<TokenId> a = {1, 2}, b = {1, 3};
  const std::vector<const std::vector<TokenId>*> wrong = {&b, &a}, right = {&a, &b};
  EXPECT_THROW(build_prefix_tree(wrong, 0), Error);
  EXPECT_THROW(build_prefix_tree(right, 2), Error);
}

TEST(ChunkPlan, holds_every_prompt_once_and_no_chunk_is_too_large) {
  const Prompts prompts = family_prompts(50);
  for (const std::int64_t size : {1, 3, 7, 64}) {
    ChunkPlanOptions options;
    options.chunk_size = size;
    std::multiset<std::int64_t> seen;
    for (const Chunk& chunk : plan_chunks(prompts, options)) {
      EXPECT_LE(static_cast<std::int64_t>(chunk.prompts.size()), size);
      for (const std::int64_t index : chunk.prompts) {
        seen.insert(index);
        EXPECT_GE(common_prefix(prompts[index], prompts[chunk.prompts.front()]), chunk.root_tokens);
        EXPECT_LT(chunk.root_tokens, static_cast<std::int64_t>(prompts[index].size()));
      }
    }
    EXPECT_EQ(seen.size(), prompts.size());
    EXPECT_EQ(std::set<std::int64_t>(seen.begin(), seen.end()).size(), prompts.size());
  }
}

TEST(ChunkPlan, prompts_are_ordered_as_by_comparing_them) {
  SeedStream stream(0, "prompts");
  for (int round = 0; round < 3000; ++round) {
    Prompts prompts(stream.below(60));
    for (auto& prompt : prompts) {
      if (round % 2 == 1) prompt.assign(20, 5);
      for (std::uint64_t n = stream.below(7); n > 0; --n)
        prompt.push_back(static_cast<TokenId>(stream.below(3)));
    }
    std::vector<std::int64_t> expected(prompts.size());
    std::iota(expected.begin(), expected.end(), 0);
    std::ranges::stable_sort(expected, [&](auto a, auto b) { return prompts[a] < prompts[b]; });
    EXPECT_EQ(lexicographic_order(prompts), expected);
  }
}

// A third of the prompts' tokens are common to all, a third to those of one family.
TEST(ChunkPlan, a_million_prompts_are_planned_within_seconds) {
  constexpr std::int64_t kPrompts = 1'000'000;
  SeedStream stream(0, "prompts");
  Prompts prompts(kPrompts);
  for (std::int64_t i = 0; i < kPrompts; ++i) {
    prompts[i].assign(32, 7);
    prompts[i].insert(prompts[i].end(), 32, static_cast<TokenId>(i % 997));
    for (int k = 0; k < 32; ++k) prompts[i].push_back(static_cast<TokenId>(stream.below(49152)));
  }
  const std::clock_t begin = std::clock();
  const auto chunks = plan_chunks(prompts, {});
  const auto order = longest_first(chunks);
  EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 10);
  std::int64_t planned = 0;
  for (const std::int64_t index : order) planned += std::ssize(chunks[index].prompts);
  EXPECT_EQ(planned, kPrompts);
}

TEST(ChunkPlan, no_prompts_give_no_chunks_and_an_empty_prompt_is_refused) {
  EXPECT_TRUE(plan_chunks(Prompts{}, {}).empty());
  EXPECT_THROW(plan_chunks(Prompts{{}}, {}), Error);
}

TEST(ChunkPlan, auto_takes_what_the_arena_holds) {
  const Prompts prompts = family_prompts(50);
  EXPECT_EQ(auto_chunk_size(prompts, {}, 10, 0), 64);  // the CPU
  EXPECT_EQ(auto_chunk_size(prompts, {}, 10, 1'000'000), 1024);
  EXPECT_EQ(auto_chunk_size(prompts, {}, 10, 1), 16);  // never below
  // Every prompt has another first token: nothing is shared, and a chunk is what is merged.
  Prompts apart;
  for (std::int64_t i = 0; i < 400; ++i)
    apart.push_back(Prompts::value_type(20, static_cast<int>(i)));
  ChunkPlanOptions wide;
  wide.merge_tokens = 1'000'000;
  // 30 rows a prompt with its answer: 256 of them fit 8,000 rows, 400 do not.
  EXPECT_EQ(auto_chunk_size(apart, wide, 10, 8'000), 256);
  EXPECT_EQ(auto_chunk_size(apart, wide, 10, 12'000), 1024);
}

// Hands the chunks, longest first, to whichever of `ranks` is free first, as the counter does.
double imbalance(const std::vector<Chunk>& chunks, int ranks) {
  std::vector<double> busy(ranks);
  for (const std::int64_t index : longest_first(chunks))
    *std::ranges::min_element(busy) += chunks[index].cost;
  return *std::ranges::max_element(busy) * ranks / std::accumulate(busy.begin(), busy.end(), 0.0);
}

TEST(ChunkPlan, work_is_even_over_two_to_eight_ranks) {
  // 57 subjects like MMLU's: few-shot prefixes of 250 to 2,400 tokens, 100 to 1,534 questions of 40
  // to 400 tokens.
  SeedStream stream(5, "subjects");
  Prompts prompts;
  for (int subject = 0; subject < 57; ++subject) {
    std::vector<TokenId> prefix(250 + stream.below(subject % 9 == 0 ? 2150 : 500), subject);
    const std::uint64_t questions = subject == 0 ? 1534 : 100 + stream.below(300),
                        length = 40 + stream.below(360);
    for (std::uint64_t i = 0; i < questions; ++i) {
      auto prompt = prefix;
      for (std::uint64_t t = 0; t < length / 2 + stream.below(length); ++t)
        prompt.push_back(static_cast<TokenId>(100 + stream.below(1000)));
      prompts.push_back(std::move(prompt));
    }
  }
  const auto chunks = plan_chunks(prompts, {});
  for (int ranks = 2; ranks <= 8; ++ranks)
    EXPECT_LE(imbalance(chunks, ranks), 1.03) << ranks << " ranks";
}

struct Case {
  Json config;
  friend void PrintTo(const Case& c, std::ostream* out) {
    *out << c.config.at("model_type").get<std::string>();
  }
};

// Windows of 24 tokens are shorter than every shared root.
Case family(const char* model_type, const Json& own = Json::object()) {
  Json json = {{"model_type", model_type},    {"vocab_size", 517},
               {"hidden_size", 96},           {"intermediate_size", 120},
               {"num_hidden_layers", 4},      {"num_attention_heads", 6},
               {"num_key_value_heads", 2},    {"max_position_embeddings", 512},
               {"tie_word_embeddings", true}, {"head_dim", 16}};
  json.update(own);
  return {std::move(json)};
}

class OfFamily : public ::testing::TestWithParam<Case> {};

TEST_P(OfFamily, tree_small_passes_and_single_prompts_agree) {
  const RandomModel folder(model::parse_config(GetParam().config));
  model::Decoder decoder(folder.folder(), {});
  const Prompts prompts = family_prompts(decoder.config().vocab_size);
  ChunkPlanOptions single;
  single.chunk_size = 1;
  const Results tree = run(decoder, prompts, {}, {}), alone = run(decoder, prompts, single, {});
  const Results pieces = run(decoder, prompts, {}, {.max_pass_tokens = 13});
  EXPECT_EQ(tree.tokens, alone.tokens);
  EXPECT_EQ(tree.tokens, pieces.tokens);
  // float32: shared runs change the order in which keys are summed, nothing else.
  EXPECT_LT(largest_difference(tree, alone), 1e-4);
  EXPECT_LT(largest_difference(tree, pieces), 1e-4);
}

TEST_P(OfFamily, decoding_equals_reading_the_answer_as_a_prompt) {
  const RandomModel folder(model::parse_config(GetParam().config));
  model::Decoder decoder(folder.folder(), {});
  Prompts prompts = family_prompts(decoder.config().vocab_size);
  prompts.resize(6);
  GenerateOptions options;
  options.max_new_tokens = 40;
  Engine engine(decoder);
  const Chunk chunk = plan_chunks(prompts, {}).front();
  const auto answers = engine.generate(chunk, prompts, options);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto& ids = answers[i].ids;
    ASSERT_EQ(ids.size(), 40u);
    for (const std::size_t step : {std::size_t{1}, std::size_t{20}, std::size_t{39}}) {
      Prompts read = {prompts[chunk.prompts[i]]};
      read[0].insert(read[0].end(), ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(step));
      options.max_new_tokens = 1;
      const auto next = engine.generate(plan_chunks(read, {}).front(), read, options);
      EXPECT_EQ(next.front().ids.front(), ids[step]) << "prompt " << i << ", token " << step;
    }
    options.max_new_tokens = 40;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Engine, OfFamily,
    ::testing::Values(
        Case{small_config().json}, family("qwen2"), family("qwen3"),
        family("mistral", {{"sliding_window", 24}}), family("smollm3"), family("phi3"),
        family("granite", {{"attention_multiplier", 0.2}, {"residual_multiplier", 0.5}}),
        family("olmo2"), family("olmo3", {{"sliding_window", 24}}),
        family("gemma2", {{"sliding_window", 24}, {"attn_logit_softcapping", 5.0}}),
        family("gemma3_text", {{"sliding_window", 24}, {"sliding_window_pattern", 2}}),
        family("ernie4_5"), family("exaone4", {{"sliding_window", 24}}),
        family("hunyuan_v1_dense")),
    [](const auto& info) {
      return ::testing::PrintToString(info.param) + std::to_string(info.index);
    });

TEST(Engine, threads_change_no_bit) {
  const RandomModel folder(small_config());
  const Prompts prompts = family_prompts(small_config().vocab_size);
  for (const auto dtype : {c10::ScalarType::Float, c10::ScalarType::BFloat16}) {
    model::Decoder decoder(folder.folder(), {c10::Device(c10::kCPU), dtype});
    at::set_num_threads(1);
    const Results one = run(decoder, prompts, {}, {});
    at::set_num_threads(3);
    const Results three = run(decoder, prompts, {}, {});
    EXPECT_EQ(one.tokens, three.tokens);
    EXPECT_EQ(one.logprobs, three.logprobs);
  }
}

TEST(Engine, the_kept_root_changes_no_bit) {
  const RandomModel folder(small_config());
  model::Decoder decoder(folder.folder(), {});
  const Prompts prompts = family_prompts(small_config().vocab_size);
  ChunkPlanOptions plan;
  plan.chunk_size = 4;
  const auto chunks = plan_chunks(prompts, plan);
  const Prompts choices(64, {1, 2, 3, 4});
  Engine kept(decoder);
  for (const Chunk& chunk : chunks) {
    Engine fresh(decoder);
    const auto first = std::span(choices).first(chunk.prompts.size());
    EXPECT_EQ(kept.score_choices(chunk, prompts, first),
              fresh.score_choices(chunk, prompts, first));
  }
}

TEST(Engine, end_tokens_stops_and_lengths_end_an_answer) {
  const RandomModel folder(small_config());
  model::Decoder decoder(folder.folder(), {});
  const Prompts prompts = {family_prompts(small_config().vocab_size).front()};
  const Chunk chunk = plan_chunks(prompts, {}).front();
  Engine engine(decoder);
  GenerateOptions options;
  options.max_new_tokens = 6;
  const auto full = engine.generate(chunk, prompts, options).front();
  EXPECT_EQ(full.ids.size(), 6u);
  EXPECT_EQ(full.finish, Finish::length);
  options.end_tokens = {full.ids[2]};
  const std::size_t first = std::ranges::find(full.ids, full.ids[2]) - full.ids.begin();
  const auto ended = engine.generate(chunk, prompts, options).front();
  EXPECT_EQ(ended.ids, std::vector<TokenId>(full.ids.begin(), full.ids.begin() + first));
  EXPECT_EQ(ended.finish, Finish::stop);
  options.end_tokens = {};
  options.stop = [](std::span<const TokenId> ids) { return ids.size() == 2; };
  EXPECT_EQ(engine.generate(chunk, prompts, options).front().ids.size(), 2u);
}

}  // namespace
}  // namespace tradeoff::infer
