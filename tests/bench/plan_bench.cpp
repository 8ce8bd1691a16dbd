// Planned work of 2 to 8 ranks over items files, handed out chunk by chunk, the longest first, to
// whichever rank is free: the greatest share over the mean. Beside it contiguous equal shares of
// the questions, and the prompt tokens that the prefix tree saves.
//   plan_bench MODEL_FOLDER CHUNK_SIZE (mmlu|spider) ITEMS.jsonl [(mmlu|spider) ITEMS.jsonl ...]
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "tradeoff/infer/chunk_plan.hpp"
#include "tradeoff/task/item.hpp"
#include "tradeoff/text/tokenizer.hpp"

using namespace tradeoff;

namespace {

// New tokens that `predict` expects of a Spider answer.
constexpr std::int64_t kAnswerTokens = 32;

double busiest(const std::vector<double>& costs, int ranks) {
  std::vector<double> busy(static_cast<std::size_t>(ranks));
  for (const double cost : costs) *std::ranges::min_element(busy) += cost;
  return *std::ranges::max_element(busy) * ranks / std::accumulate(busy.begin(), busy.end(), 0.0);
}

double busiest_contiguous(const std::vector<double>& costs, int ranks) {
  std::vector<double> busy(static_cast<std::size_t>(ranks));
  for (std::size_t i = 0; i < costs.size(); ++i)
    busy[i * static_cast<std::size_t>(ranks) / costs.size()] += costs[i];
  return *std::ranges::max_element(busy) * ranks / std::accumulate(busy.begin(), busy.end(), 0.0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5 || argc % 2 == 0) {
    fmt::print(stderr, "usage: plan_bench MODEL_FOLDER CHUNK_SIZE (mmlu|spider) ITEMS.jsonl ...\n");
    return 2;
  }
  const text::Tokenizer tokenizer = text::load_tokenizer(argv[1]);
  std::vector<double> chunk_costs, question_costs;
  for (int i = 3; i + 1 < argc; i += 2) {
    const bool mmlu = std::string(argv[i]) == "mmlu";
    std::vector<std::vector<infer::TokenId>> prompts;
    std::int64_t unshared = 0, shared = 0;
    for (const auto& item :
         task::read_items(argv[i + 1], mmlu ? task::Kind::choice : task::Kind::sql)) {
      prompts.push_back(item.prompt_ids.empty()
                            ? tokenizer.encode(item.prompt, text::Specials::parse)
                            : item.prompt_ids);
      unshared += static_cast<std::int64_t>(prompts.back().size());
      question_costs.push_back(static_cast<double>(prompts.back().size()));
    }
    infer::ChunkPlanOptions options;
    options.chunk_size = std::stoll(argv[2]);
    options.expected_new_tokens = mmlu ? 0 : kAnswerTokens;
    const auto chunks = infer::plan_chunks(prompts, options);
    std::vector<double> own;
    for (const std::int64_t index : infer::longest_first(chunks)) {
      own.push_back(chunks[static_cast<std::size_t>(index)].cost);
      shared += chunks[static_cast<std::size_t>(index)].tokens;
    }
    fmt::print("{}: {} questions in {} chunks; {} prompt tokens, {} behind shared roots\n", argv[i],
               prompts.size(), chunks.size(), unshared, shared);
    for (int ranks = 2; ranks <= 8; ++ranks)
      fmt::print("  {} ranks: {:.4f}\n", ranks, busiest(own, ranks));
    chunk_costs.insert(chunk_costs.end(), own.begin(), own.end());
  }
  std::ranges::sort(chunk_costs, std::greater<>());
  fmt::print("all items together, and contiguous equal shares of the questions\n");
  for (int ranks = 2; ranks <= 8; ++ranks)
    fmt::print("RATIO {} ranks: {:.4f}, contiguous {:.2f}\n", ranks, busiest(chunk_costs, ranks),
               busiest_contiguous(question_costs, ranks));
}
