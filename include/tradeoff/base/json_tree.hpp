#pragma once
#include <limits>
#include <string_view>

#include "tradeoff/base/json.hpp"

namespace tradeoff {

/// What a text must hold to besides being JSON.
struct JsonRules {
  // Levels of nesting: what copies, prints or frees a tree recurses.
  int depth = 256;
  // Keys of one object.
  std::size_t keys = std::numeric_limits<std::size_t>::max();
  // Whether a key that stands twice in an object is an error; else the last one counts.
  bool keys_once = false;
};

/// Throws Error where `text` holds a NUL byte: nlohmann's parser takes one for the end, and what a
/// power loss made of a file would be read as far as that.
void check_no_nul(std::string_view text);

/// Parses `text` in time that grows with its size (nlohmann's parser with a callback looks, at the
/// end of each object, at all that its parent holds). T is Json or WideJson. Throws Error saying
/// the byte, or the rule.
template <typename T>
T parse_tree(std::string_view text, const JsonRules& rules);

}  // namespace tradeoff
