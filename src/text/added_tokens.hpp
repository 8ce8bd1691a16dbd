#pragma once
#include <array>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::text {

/// Finds added tokens in text: the first, and the longest where several begin there.
class AddedTokens {
 public:
  /// Knows the tokens whose `normalized` is as given, by their text after `steps`.
  AddedTokens(const std::vector<AddedToken>& tokens, bool normalized,
              std::span<const TextStep> steps);

  bool empty(bool specials) const { return specials ? tokens_.empty() : !any_plain_; }

  /// At or after `from`; special ones only if asked for.
  std::optional<Tokenizer::Found> find(std::string_view text, std::size_t from,
                                       bool specials) const;

  /// The token with this text, or null.
  const AddedToken* named(std::string_view text) const;

  /// Calls run(at, end) for each stretch between the tokens and token(id) for each token, in order.
  /// As HF's find_matches: lstrip and rstrip take white space, single_word drops a match that
  /// touches a word.
  template <typename Run, typename Token>
  void split(std::string_view text, bool specials, Run run, Token token) const {
    std::size_t at = 0, from = 0;
    if (!empty(specials))
      while (const auto found = find(text, from, specials)) {
        from = found->at + found->length;
        const auto taken = extent(text, *found, at);
        if (!taken) continue;
        if (at < taken->first) run(at, taken->first);
        token(found->id);
        at = taken->second;
        if (from < at) from = at;
      }
    if (at < text.size()) run(at, text.size());
  }

 private:
  // Where the match begins and ends with the white space that it takes, not before `least`.
  std::optional<std::pair<std::size_t, std::size_t>> extent(std::string_view text,
                                                            const Tokenizer::Found& found,
                                                            std::size_t least) const;

  std::vector<AddedToken> tokens_;  // with the text that is looked for
  std::unordered_map<std::string_view, const AddedToken*> by_text_;
  std::set<std::size_t> lengths_;
  std::array<bool, 256> begins_{};  // a token has this first byte
  bool any_plain_ = false;          // a token is not special
};

}  // namespace tradeoff::text
