#pragma once
#include <string>
#include <vector>

#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::text {

enum class SegmentKind {
  markup,  // written by the template: special tokens in it are special
  data,    // came from outside: what looks like a special token is text
};

struct Segment {
  std::string text;
  SegmentKind kind;
  friend bool operator==(const Segment&, const Segment&) = default;
};

struct Message {
  std::string role;  // "system", "user", "assistant": letters, digits, _ and - alone
  std::string content;
};

/// Throws Error unless `role` is a plain word, which no special token is.
void check_role(const std::string& role);

/// The segments' texts joined: the prompt as one reads it.
std::string text_of(const std::vector<Segment>& segments);

/// Ids of the segments. Special tokens are found in markup only, and only whole inside one stretch
/// of markup; the text between two of them, markup and data alike, is encoded in one piece, and
/// what stands in front of the whole text or takes white space does so as there. So the ids are
/// those of encode(text_of(segments), Specials::parse) whenever no data spells a special
/// token.
std::vector<TokenId> encode_segments(const Tokenizer& tokenizer,
                                     const std::vector<Segment>& segments);

}  // namespace tradeoff::text
