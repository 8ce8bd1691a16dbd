#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/text/vocabulary.hpp"

namespace tradeoff::text {

/// Bytes to token id. Refers to the strings it was built from.
class TokenTable {
 public:
  explicit TokenTable(const std::vector<std::string>& tokens);
  /// Token `id` is found from now on, unless another has the same bytes already.
  void add(TokenId id);
  /// -1 where no token has these bytes.
  TokenId find(std::string_view bytes) const;

 private:
  struct Slot {
    std::uint32_t hash;
    TokenId id = -1;
  };
  const std::vector<std::string>& tokens_;
  std::vector<Slot> slots_;  // open addressing; a power of two, at least half empty
};

}  // namespace tradeoff::text
