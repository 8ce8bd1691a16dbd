#include "tradeoff/text/chat.hpp"

#include <algorithm>

#include "tradeoff/base/error.hpp"

namespace tradeoff::text {

void check_role(const std::string& role) {
  const bool word = std::all_of(role.begin(), role.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  if (role.empty() || !word)
    fail("chat message: found role \"" + role + "\", expected a word such as user or assistant");
}

std::string text_of(const std::vector<Segment>& segments) {
  std::string text;
  for (const Segment& segment : segments) text += segment.text;
  return text;
}

std::vector<TokenId> encode_segments(const Tokenizer& tokenizer,
                                     const std::vector<Segment>& segments) {
  std::vector<Tokenizer::Markup> markup;
  std::size_t at = 0;
  for (const Segment& segment : segments) {
    const std::size_t end = at + segment.text.size();
    if (segment.kind == SegmentKind::markup && end > at) {
      if (markup.empty() || markup.back().end != at) markup.push_back({at, at});
      markup.back().end = end;
    }
    at = end;
  }
  return tokenizer.encode(text_of(segments), markup);
}

}  // namespace tradeoff::text
