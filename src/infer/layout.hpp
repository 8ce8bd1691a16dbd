#pragma once
#include <vector>

#include "tradeoff/infer/engine.hpp"

namespace tradeoff::infer {

/// Where the runs of a chunk lie: in the packed token order (depth first) and in the arena's rows.
struct Engine::Layout {
  PrefixTree tree;
  std::int64_t new_tokens = 0;  // rows kept after each leaf, for each sample
  std::int64_t samples = 1;     // answers to each prompt
  std::int64_t at_once = 1;     // of them, decoded together; the rows are theirs
  std::vector<const std::vector<TokenId>*> prompts;  // in the chunk's order
  std::vector<std::int64_t> first_token;             // of each run, in depth-first token order
  std::vector<std::int64_t> subtree_end;             // token after the last descendant of each run
  std::vector<std::int64_t> depth;
  std::vector<std::int64_t> row;       // arena row of each run's first token
  std::vector<std::int64_t> leaf_run;  // run that ends each prompt
  std::int64_t max_depth = 0;
  // Passes over token ranges [wave[i], wave[i + 1]).
  std::vector<std::int64_t> wave;
};

}  // namespace tradeoff::infer
