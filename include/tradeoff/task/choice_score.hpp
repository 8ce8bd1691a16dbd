#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/task/item.hpp"

namespace tradeoff::task {

/// Letter of the largest of `choice_logprobs` ('A' + its place), the first of equal ones.
/// Throws Error where there is none, or one is NaN.
char answer_letter(std::span<const double> choice_logprobs);

/// How many of how many are right; divided once, at the end.
struct Counts {
  std::int64_t correct = 0, total = 0;
  bool operator==(const Counts&) const = default;
};

struct ChoiceTally {
  Counts all;
  std::map<std::string, Counts> groups, subjects;
};

/// Counts `letters` ('A' to 'D', or 0 where an item was skipped or has no answer: wrong) against
/// the items' answers. Items without group or subject count under "". Throws Error where the sizes
/// differ or an item has no answer.
ChoiceTally tally_choices(std::span<const Item> items, std::span<const char> letters);

}  // namespace tradeoff::task
