#pragma once
#include <string_view>
#include <vector>

#include "answer_regions.hpp"

namespace tradeoff::task {

/// `text`, which holds no code fence, cut at the text values of JSON objects, \boxed{...} and
/// <answer>...</answer>; their texts are read as they are meant (JSON's and LaTeX's escapes).
/// `outer` tells of the pieces around them, `depth` how many wrappers stand around the text.
std::vector<Region> unwrapped(std::string_view text, const Region& outer, int depth);

}  // namespace tradeoff::task
