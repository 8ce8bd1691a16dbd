#pragma once
#include <array>
#include <cstdint>
#include <optional>
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
      std::optional<Tokenizer::Found> longest;
      std::uint32_t node = first_[static_cast<std::uint8_t>(text[at])];
      for (std::size_t length = 1; node != 0; ++length) {
        const AddedToken* token = nodes_[node].token;
        if (token && (!token->special || allowed(at, length)))
          longest = Tokenizer::Found{at, length, token->id};
        node = at + length < text.size() ? next(node, text[at + length]) : 0;
      }
      if (longest) return longest;
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
  // A tree of the tokens' bytes; node 0 stands for none.
  struct Node {
    std::vector<std::pair<char, std::uint32_t>> next;
    const AddedToken* token = nullptr;  // whose text ends here
  };
  std::uint32_t next(std::uint32_t node, char byte) const {
    for (const auto& [value, child] : nodes_[node].next)
      if (value == byte) return child;
    return 0;
  }
  void add_to_tree(const AddedToken& token);

  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::array<std::uint32_t, 256> first_{};  // the node of a first byte
  bool any_plain_ = false, any_special_ = false;
};

}  // namespace tradeoff::text
