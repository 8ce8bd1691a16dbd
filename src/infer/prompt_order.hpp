#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tradeoff/infer/prefix_tree.hpp"

namespace tradeoff::infer {

/// The indices of `prompts` in lexicographic order of their tokens, equal ones by index. What
/// prompts share is compared once a prompt and level, not in every comparison: a million prompts
/// behind the same examples take seconds.
std::vector<std::int64_t> lexicographic_order(std::span<const std::vector<TokenId>> prompts);

}  // namespace tradeoff::infer
