#pragma once
#include <span>
#include <string>
#include <vector>

#include "tradeoff/task/item.hpp"
#include "tradeoff/task/prompt.hpp"

namespace tradeoff::task {

/// Items, in order, and what the overflow policy did.
struct RenderedItems {
  std::vector<Item> items;
  OverflowCounts counts;
};

/// SHA-256 over the prompts (ids and text) in order: equal prompts, equal hash.
std::string prompts_sha256(std::span<const Item> items);

}  // namespace tradeoff::task
