#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tradeoff/infer/chunk_plan.hpp"
#include "tradeoff/task/item.hpp"

namespace tradeoff::study {

/// By chunk a number that its items, their prompts, their choices and its shape decide, and nothing
/// else: the same chunk of a larger plan has the same. No two chunks of a plan share one.
std::vector<std::uint64_t> chunk_ids(std::span<const infer::Chunk> chunks,
                                     std::span<const task::Item> items,
                                     std::span<const std::vector<infer::TokenId>> prompts,
                                     std::span<const std::vector<infer::TokenId>> choices);

}  // namespace tradeoff::study
