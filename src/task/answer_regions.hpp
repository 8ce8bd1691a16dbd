#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tradeoff::task {

/// A stretch of an answer: prose, or what stands in a code fence, a JSON value or \boxed{}.
struct Region {
  std::string text;
  bool fenced = false;
  // A fence without its end may run on into prose.
  bool closed = false;
  // The answer itself by its own word: \boxed{...}, <answer>.
  bool last_word = false;
};

/// The answer itself: without a role header that a model repeats, without reasoning, and without
/// whatever follows the first end token.
std::string answer_of(std::string_view raw);

/// Whether `raw` holds a mark of reasoning.
bool thinks(std::string_view raw);

/// `answer` cut at its code fences and other wrappers, in order; the first region is prose, if only
/// an empty one. `depth` wrappers stand around it; from eight on no further one is looked into.
std::vector<Region> regions_of(std::string_view answer, int depth = 0);

}  // namespace tradeoff::task
