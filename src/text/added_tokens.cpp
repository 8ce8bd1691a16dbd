#include "added_tokens.hpp"

#include <algorithm>

#include "text_steps.hpp"
#include "unicode.hpp"

namespace tradeoff::text {

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens, bool normalized,
                         std::span<const TextStep> steps) {
  std::string room;
  for (const AddedToken& token : tokens) {
    if (token.normalized != normalized) continue;
    tokens_.push_back(token);
    tokens_.back().text = std::string(apply_steps(steps, token.text, true, room));
    if (tokens_.back().text.empty()) tokens_.pop_back();
  }
  for (const AddedToken& token : tokens_) {
    by_text_.emplace(token.text, &token);
    add_to_tree(token);
    any_plain_ |= !token.special;
    any_special_ |= token.special;
  }
}

void AddedTokens::add_to_tree(const AddedToken& token) {
  const auto made = [&] {
    nodes_.emplace_back();
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  };
  std::uint32_t& first = first_[static_cast<std::uint8_t>(token.text[0])];
  if (first == 0) first = made();
  std::uint32_t node = first;
  for (const char byte : std::string_view(token.text).substr(1)) {
    std::uint32_t child = next(node, byte);
    if (child == 0) {
      child = made();
      nodes_[node].next.emplace_back(byte, child);
    }
    node = child;
  }
  if (!nodes_[node].token) nodes_[node].token = &token;
}

const AddedToken* AddedTokens::named(std::string_view text) const {
  const auto found = by_text_.find(text);
  return found == by_text_.end() ? nullptr : found->second;
}

std::optional<std::pair<std::size_t, std::size_t>> AddedTokens::extent(
    std::string_view text, const Tokenizer::Found& found, std::size_t least) const {
  const AddedToken& token = *named(text.substr(found.at, found.length));
  std::size_t begin = found.at, end = found.at + found.length;
  if (token.single_word &&
      (ends_with_class(text.substr(0, begin), kWord) || begins_with_class(text.substr(end), kWord)))
    return std::nullopt;
  if (token.lstrip) begin = std::max(least, begin - spaces_at_end(text.substr(0, begin)));
  if (token.rstrip) end += spaces_at_start(text.substr(end));
  return std::pair(begin, end);
}

}  // namespace tradeoff::text
