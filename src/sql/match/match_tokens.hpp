#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tradeoff::sql {

/// Thrown where the official grammar does not cover a text.
struct OutsideGrammar {};

/// The tokens on which the official parser works: strings in either quotes as one token with double
/// quotes around, everything else in lower case and cut as NLTK's word tokenizer cuts one sentence
/// (so "1,2" is one token and "a=1" too). Throws OutsideGrammar for an odd number of quotes.
std::vector<std::string> match_tokens(std::string_view sql);

}  // namespace tradeoff::sql
