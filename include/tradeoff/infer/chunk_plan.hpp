#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tradeoff/infer/prefix_tree.hpp"

namespace tradeoff::infer {

/// The unit of work and of determinism: at most chunk_size prompts that share a prefix.
struct Chunk {
  // Indices into the planned prompts, in lexicographic order of their tokens.
  std::vector<std::int64_t> prompts;
  // Length of the prefix common to them, computed by itself and kept for the next chunk.
  std::int64_t root_tokens = 0;
  std::int64_t tokens = 0;  // tokens computed after the root
  double cost = 0;          // planned work in tokens: root + tree + decoding
};

struct ChunkPlanOptions {
  // Most prompts of a chunk (--chunk-size).
  std::int64_t chunk_size = 64;
  // Small groups without a common prefix are put together until they reach this many tokens.
  std::int64_t merge_tokens = 4096;
  // A prefix shorter than this is not worth keeping apart.
  std::int64_t min_root = 32;
  // New tokens a prompt is expected to decode, for the cost.
  std::int64_t expected_new_tokens = 0;
};

/// Cuts the prompts into chunks. A pure function of prompts and options, never of ranks or threads.
/// Every prompt stands in exactly one chunk; chunks come in lexicographic order. No prompt may be
/// empty.
std::vector<Chunk> plan_chunks(std::span<const std::vector<TokenId>> prompts,
                               const ChunkPlanOptions& options);

/// The chunk size that "auto" stands for: 64 where `arena_rows` is 0 (the CPU, where longer chunks
/// bring nothing); else as many of 1,024, 512, ... as keep every chunk's root, tree and
/// `new_tokens` for each prompt within so many rows of keys and values.
std::int64_t auto_chunk_size(std::span<const std::vector<TokenId>> prompts,
                             ChunkPlanOptions options, std::int64_t new_tokens,
                             std::int64_t arena_rows);

/// Chunk indices by falling cost (ties: by index): the order of the hand-out.
std::vector<std::int64_t> longest_first(std::span<const Chunk> chunks);

}  // namespace tradeoff::infer
