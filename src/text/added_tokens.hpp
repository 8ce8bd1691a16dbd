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

  bool has_plain() const { return any_plain_; }
  bool has_special() const { return any_special_; }

  /// The first at or after `from`. Special ones only where allowed(at, length) holds.
  template <typename Allowed>
  std::optional<Tokenizer::Found> find(std::string_view text, std::size_t from,
                                       Allowed allowed) const {
    for (std::size_t at = from; at < text.size(); ++at) {
      if (!begins_[static_cast<std::uint8_t>(text[at])]) continue;
      for (auto length = lengths_.rbegin(); length != lengths_.rend(); ++length) {
        if (*length > text.size() - at) continue;
        const AddedToken* token = named(text.substr(at, *length));
        if (token && (!token->special || allowed(at, *length)))
          return Tokenizer::Found{at, *length, token->id};
      }
    }
    return std::nullopt;
  }

  /// The token with this text, or null.
  const AddedToken* named(std::string_view text) const;

  /// Special ones only if `specials`, and only where allowed(at, length) holds.
  /// Calls run(at, end) for each stretch between the tokens and token(id) for each token, in order.
  /// As HF's find_matches: lstrip and rstrip take white space, single_word drops a match that
  /// touches a word.
  template <typename Allowed, typename Run, typename Token>
  void split(std::string_view text, bool specials, Allowed allowed, Run run, Token token) const {
    std::size_t at = 0, from = 0;
    if (any_plain_ || (specials && any_special_))
      while (const auto found = find(text, from, allowed)) {
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
  bool any_plain_ = false, any_special_ = false;
};

}  // namespace tradeoff::text
