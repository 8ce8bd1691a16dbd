#pragma once
#include <string_view>
#include <vector>

namespace tradeoff::task {

/// A stretch of an answer: prose, or the inside of a code fence.
struct Region {
  std::string_view text;
  bool fenced = false;
  // A fence without its end may run on into prose.
  bool closed = false;
};

/// The answer itself: without a role header that a model repeats, without reasoning in <think>
/// tags, and without whatever follows the first end token.
std::string_view answer_of(std::string_view raw);

/// `answer` cut at its code fences, in order; the first region is prose, if only an empty one.
std::vector<Region> regions_of(std::string_view answer);

}  // namespace tradeoff::task
