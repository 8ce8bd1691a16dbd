#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace tradeoff::infer {

using TokenId = std::int32_t;

/// A run of tokens that several prompts share, or the rest of one prompt. Tokens [begin, end) of
/// prompt `prompt`.
struct TokenRun {
  std::int64_t parent = -1;  // index of the run before it, -1 after the root prefix
  std::int64_t prompt = 0;   // a prompt that contains the run; its own for a leaf
  std::int64_t begin = 0, end = 0;
  bool leaf = false;
  std::int64_t tokens() const { return end - begin; }
};

/// Token runs of a chunk's prompts in depth-first order: every run stands before its descendants,
/// and these are contiguous.
struct PrefixTree {
  // Tokens [0, root_tokens) are common to all prompts and computed apart.
  std::int64_t root_tokens = 0;
  std::vector<TokenRun> runs;
  std::int64_t tokens = 0;  // of all runs, without the root
};

/// Length of the longest common prefix.
std::int64_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b);

/// Prompts must be sorted lexicographically and not empty. Every prompt ends in a leaf of its own
/// with at least one token. Runs shorter than min_run tokens are not split off: they cost more than
/// they save.
PrefixTree build_prefix_tree(std::span<const std::vector<TokenId>* const> prompts,
                             std::int64_t root_tokens, std::int64_t min_run = 16);

}  // namespace tradeoff::infer
