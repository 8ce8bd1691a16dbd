#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "tradeoff/text/vocabulary.hpp"

namespace tradeoff::text {

/// Ids of short pieces seen lately: a table of fixed size in which a later piece replaces an
/// earlier one.
class PieceMemo {
 public:
  static constexpr std::size_t kLongestPiece = 15;
  static constexpr std::size_t kMostIds = 11;

  /// The bytes of a piece, zero-padded, with its length in the last byte.
  struct Key {
    std::uint64_t low, high;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct alignas(64) Slot {
    Key key{0, 0};  // no piece has length 0
    std::uint32_t count = 0;
    std::array<TokenId, kMostIds> ids;
  };

  /// piece.size() <= kLongestPiece; `readable` bytes stand from piece.data() on.
  static Key key_of(std::string_view piece, std::size_t readable) {
    Key key{0, 0};
    if (readable >= 16) {
      std::memcpy(&key, piece.data(), 16);
      const std::size_t bits = 8 * piece.size();
      if (bits < 64) {
        key.low &= (std::uint64_t{1} << bits) - 1;
        key.high = 0;
      } else {
        key.high &= (std::uint64_t{1} << (bits - 64)) - 1;
      }
    } else {
      std::memcpy(&key, piece.data(), piece.size());
    }
    key.high |= std::uint64_t{piece.size()} << 56;
    return key;
  }

  /// The slot that holds `key`, or null.
  const Slot* find(const Key& key) {
    if (slots_.empty()) slots_.resize(2 * kSets);
    const Slot* set = slots_.data() + 2 * set_of(key);
    return set[0].key == key ? set : set[1].key == key ? set + 1 : nullptr;
  }
  /// After a find() in vain.
  void store(const Key& key, std::span<const TokenId> ids) {
    if (ids.size() > kMostIds) return;
    Slot* set = slots_.data() + 2 * set_of(key);
    set[1] = set[0];
    set[0].key = key;
    set[0].count = static_cast<std::uint32_t>(ids.size());
    std::copy(ids.begin(), ids.end(), set[0].ids.begin());
  }

 private:
  static std::size_t set_of(const Key& key) {
    const std::uint64_t hash = (key.low ^ key.high * 0x9E3779B97F4A7C15ull) * 0xD6E8FEB86659FD93ull;
    return hash >> (64 - kBits);
  }

  static constexpr int kBits = 14;  // two slots a set: 2 MiB
  static constexpr std::size_t kSets = std::size_t{1} << kBits;
  std::vector<Slot> slots_;
};

}  // namespace tradeoff::text
