#include "tradeoff/infer/chunk_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "prompt_order.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::infer {
namespace {

constexpr std::int64_t kCpuChunk = 64, kLargestChunk = 1024, kSmallestChunk = 16;

using Prompts = std::span<const std::vector<TokenId>>;

class Planner {
 public:
  Planner(Prompts prompts, const ChunkPlanOptions& options)
      : prompts_(prompts), options_(options), order_(lexicographic_order(prompts)) {}

  std::vector<Chunk> plan() {
    const std::size_t n = order_.size();
    for (std::size_t first = 0; first < n;) {
      std::size_t last = first + 1;
      while (last < n && shared(last - 1, last) >= options_.min_root) ++last;
      add_family(first, last);
      first = last;
    }
    flush();
    return std::move(chunks_);
  }

 private:
  std::int64_t shared(std::size_t a, std::size_t b) const {
    return common_prefix(prompts_[order_[a]], prompts_[order_[b]]);
  }

  // Sorted prompts [first, last) with a common prefix: cut into equal parts, or kept to be joined
  // with neighbours.
  void add_family(std::size_t first, std::size_t last) {
    const auto size = static_cast<std::int64_t>(last - first);
    const std::int64_t parts = (size + options_.chunk_size - 1) / options_.chunk_size;
    if (parts > 1) {
      flush();
      const std::int64_t root = root_of(first, last);
      for (std::int64_t part = 0; part < parts; ++part) {
        add_chunk(first + part * size / parts, first + (part + 1) * size / parts, root);
      }
      return;
    }
    const std::int64_t tokens =
        make_chunk(first, last, root_of(first, last)).tokens + root_of(first, last);
    const bool fits = pending_first_ == pending_last_ ||
                      (static_cast<std::int64_t>(last - pending_first_) <= options_.chunk_size &&
                       pending_tokens_ + tokens <= options_.merge_tokens);
    if (!fits) flush();
    if (pending_first_ == pending_last_) {
      pending_first_ = first;
      pending_tokens_ = 0;
    }
    pending_last_ = last;
    pending_tokens_ += tokens;
  }

  void flush() {
    if (pending_first_ != pending_last_)
      add_chunk(pending_first_, pending_last_, root_of(pending_first_, pending_last_));
    pending_first_ = pending_last_;
  }

  // The common prefix of sorted prompts is that of the first and the last; each must keep a token
  // of its own.
  std::int64_t root_of(std::size_t first, std::size_t last) const {
    std::int64_t root = shared(first, last - 1);
    for (std::size_t i = first; i < last; ++i) {
      root = std::min(root, static_cast<std::int64_t>(prompts_[order_[i]].size()) - 1);
    }
    return root >= options_.min_root ? root : 0;
  }

  Chunk make_chunk(std::size_t first, std::size_t last, std::int64_t root) const {
    Chunk chunk;
    chunk.prompts.assign(order_.begin() + first, order_.begin() + last);
    chunk.root_tokens = root;
    std::vector<const std::vector<TokenId>*> sorted;
    for (const std::int64_t index : chunk.prompts) sorted.push_back(&prompts_[index]);
    chunk.tokens = build_prefix_tree(sorted, root).tokens;
    chunk.cost =
        static_cast<double>(root + chunk.tokens +
                            options_.expected_new_tokens * static_cast<std::int64_t>(last - first));
    return chunk;
  }

  void add_chunk(std::size_t first, std::size_t last, std::int64_t root) {
    chunks_.push_back(make_chunk(first, last, root));
  }

  Prompts prompts_;
  ChunkPlanOptions options_;
  std::vector<std::int64_t> order_;
  std::vector<Chunk> chunks_;
  std::size_t pending_first_ = 0, pending_last_ = 0;
  std::int64_t pending_tokens_ = 0;
};

}  // namespace

std::vector<Chunk> plan_chunks(Prompts prompts, const ChunkPlanOptions& options) {
  check(options.chunk_size > 0,
        fmt::format("chunk_size {}: expected a positive number", options.chunk_size));
  for (std::size_t i = 0; i < prompts.size(); ++i)
    check(!prompts[i].empty(), fmt::format("prompt {} has no tokens", i));
  return Planner(prompts, options).plan();
}

std::int64_t auto_chunk_size(Prompts prompts, ChunkPlanOptions options, std::int64_t new_tokens,
                             std::int64_t arena_rows) {
  if (arena_rows <= 0) return kCpuChunk;
  for (options.chunk_size = kLargestChunk; options.chunk_size > kSmallestChunk;
       options.chunk_size /= 2) {
    const auto chunks = plan_chunks(prompts, options);
    const bool fits = std::ranges::all_of(chunks, [&](const Chunk& chunk) {
      const auto count = static_cast<std::int64_t>(chunk.prompts.size());
      return chunk.root_tokens + chunk.tokens + count * new_tokens <= arena_rows;
    });
    if (fits) break;
  }
  return options.chunk_size;
}

std::vector<std::int64_t> longest_first(std::span<const Chunk> chunks) {
  std::vector<std::int64_t> order(chunks.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(
      order, [&](std::int64_t a, std::int64_t b) { return chunks[a].cost > chunks[b].cost; });
  return order;
}

}  // namespace tradeoff::infer
