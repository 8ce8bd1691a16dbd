#include "token_table.hpp"

#include <bit>
#include <functional>

namespace tradeoff::text {
namespace {

std::uint32_t hash_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(std::hash<std::string_view>()(bytes));
}

}  // namespace

TokenTable::TokenTable(const std::vector<std::string>& tokens)
    : tokens_(tokens), slots_(std::bit_ceil(2 * tokens.size() + 2)) {}

void TokenTable::add(TokenId id) {
  const std::string& bytes = tokens_[static_cast<std::size_t>(id)];
  const std::uint32_t hash = hash_of(bytes);
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].id >= 0) {
    if (slots_[at].hash == hash && tokens_[static_cast<std::size_t>(slots_[at].id)] == bytes)
      return;
    at = (at + 1) & (slots_.size() - 1);
  }
  slots_[at] = {hash, id};
}

TokenId TokenTable::find(std::string_view bytes) const {
  const std::uint32_t hash = hash_of(bytes);
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].id >= 0) {
    if (slots_[at].hash == hash && tokens_[static_cast<std::size_t>(slots_[at].id)] == bytes)
      return slots_[at].id;
    at = (at + 1) & (slots_.size() - 1);
  }
  return -1;
}

}  // namespace tradeoff::text
