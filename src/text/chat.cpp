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
  std::vector<TokenId> ids;
  std::string run;  // text since the last special token
  const auto encode_run = [&] {
    const auto encoded = tokenizer.encode(run, Specials::as_text);
    ids.insert(ids.end(), encoded.begin(), encoded.end());
    run.clear();
  };
  for (std::size_t i = 0; i < segments.size();) {
    std::string text;
    const SegmentKind kind = segments[i].kind;
    for (; i < segments.size() && segments[i].kind == kind; ++i) text += segments[i].text;
    std::size_t at = 0;
    if (kind == SegmentKind::markup)
      while (const auto found = tokenizer.find_special(text, at)) {
        run += text.substr(at, found->at - at);
        encode_run();
        ids.push_back(found->id);
        at = found->at + found->length;
      }
    run += text.substr(at);
  }
  encode_run();
  return ids;
}

}  // namespace tradeoff::text
