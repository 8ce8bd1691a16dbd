#pragma once
#include <cstdint>
#include <vector>

#include "tradeoff/text/vocabulary.hpp"

namespace tradeoff::text {

/// Byte-pair merging (Sennrich et al. 2016): again and again the adjacent pair of lowest rank, the
/// leftmost of equals, becomes one token.
class Bpe {
 public:
  static constexpr std::uint32_t kNoRank = 0xFFFFFFFF;

  explicit Bpe(std::size_t merges);
  /// A pair given twice keeps its last rank, as in HF.
  void add(const Merge& merge, std::uint32_t rank);

  /// Merges `ids` in place. Short pieces by repeated search, O(n^2); long ones with a heap, O(n log
  /// n).
  void merge(std::vector<TokenId>& ids) const;

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t pair = kEmpty;
    std::uint32_t rank = kNoRank;
    TokenId merged = -1;
  };

  std::size_t place(std::uint64_t pair) const;
  const Slot& find(TokenId left, TokenId right) const;
  void merge_short(std::vector<TokenId>& ids) const;
  void merge_long(std::vector<TokenId>& ids) const;

  std::vector<Slot> slots_;  // open addressing; a power of two, at least a third empty
  int shift_;
};

}  // namespace tradeoff::text
