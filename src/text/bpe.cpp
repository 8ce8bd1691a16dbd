#include "bpe.hpp"

#include <algorithm>
#include <bit>
#include <queue>

#include "tradeoff/base/error.hpp"

namespace tradeoff::text {
namespace {

// Up to here the repeated search is the faster one.
constexpr std::size_t kShortPiece = 96;

std::uint64_t pair_of(TokenId left, TokenId right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace

Bpe::Bpe(std::size_t merges) : slots_(std::bit_ceil(merges + merges / 2 + 2)) {
  shift_ = 64 - std::countr_zero(slots_.size());
}

// The slot of `pair`, or the empty one where it would stand. Fibonacci hashing.
std::size_t Bpe::place(std::uint64_t pair) const {
  std::size_t at = ((pair ^ pair >> 29) * 0x9E3779B97F4A7C15ull) >> shift_;
  while (slots_[at].pair != pair && slots_[at].pair != kEmpty) at = (at + 1) & (slots_.size() - 1);
  return at;
}

void Bpe::add(const Merge& merge, std::uint32_t rank) {
  const std::uint64_t pair = pair_of(merge.left, merge.right);
  slots_[place(pair)] = {pair, rank, merge.merged};
}

const Bpe::Slot& Bpe::find(TokenId left, TokenId right) const {
  return slots_[place(pair_of(left, right))];
}

void Bpe::merge(std::vector<TokenId>& ids) const {
  if (ids.size() < 2) return;
  if (ids.size() <= kShortPiece)
    merge_short(ids);
  else
    merge_long(ids);
}

void Bpe::merge_short(std::vector<TokenId>& ids) const {
  std::uint32_t ranks[kShortPiece];
  TokenId merged[kShortPiece];
  std::size_t pairs = ids.size() - 1;
  const auto look_up = [&](std::size_t i) {
    const Slot& slot = find(ids[i], ids[i + 1]);
    ranks[i] = slot.rank;
    merged[i] = slot.merged;
  };
  for (std::size_t i = 0; i < pairs; ++i) look_up(i);
  while (pairs > 0) {
    const std::size_t best =
        static_cast<std::size_t>(std::min_element(ranks, ranks + pairs) - ranks);
    if (ranks[best] == kNoRank) break;
    ids[best] = merged[best];
    // Pair best + 1 takes the place of pair best, then its neighbours are looked up anew.
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    std::copy(ranks + best + 1, ranks + pairs, ranks + best);
    std::copy(merged + best + 1, merged + pairs, merged + best);
    --pairs;
    if (best > 0) look_up(best - 1);
    if (best < pairs) look_up(best);
  }
}

void Bpe::merge_long(std::vector<TokenId>& ids) const {
  const std::size_t size = ids.size();
  if (size >= kNoRank) fail("a piece of " + std::to_string(size) + " bytes is too long to merge");
  // A linked list over the positions; ranks[i] is the rank of the pair that begins at i.
  const auto count = static_cast<std::uint32_t>(size);
  std::vector<std::uint32_t> next(size), previous(size), ranks(size, kNoRank);
  std::vector<std::uint64_t> entries;  // rank, then position: the leftmost of equals comes first
  for (std::uint32_t i = 0; i < count; ++i) {
    next[i] = i + 1;
    previous[i] = i - 1;  // wraps at 0, where it is never followed
    if (i + 1 < count) ranks[i] = find(ids[i], ids[i + 1]).rank;
    if (ranks[i] != kNoRank) entries.push_back(std::uint64_t{ranks[i]} << 32 | i);
  }
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> queue(
      std::greater<>(), std::move(entries));
  const auto look_up = [&](std::uint32_t i) {
    ranks[i] = next[i] < count ? find(ids[i], ids[next[i]]).rank : kNoRank;
    if (ranks[i] != kNoRank) queue.push(std::uint64_t{ranks[i]} << 32 | i);
  };
  while (!queue.empty()) {
    const auto rank = static_cast<std::uint32_t>(queue.top() >> 32);
    const auto at = static_cast<std::uint32_t>(queue.top());
    queue.pop();
    if (ranks[at] != rank) continue;  // the pair has changed since, or is gone
    const std::uint32_t gone = next[at];
    ids[at] = find(ids[at], ids[gone]).merged;
    next[at] = next[gone];
    if (next[at] < count) previous[next[at]] = at;
    ranks[gone] = kNoRank;
    look_up(at);
    if (at > 0) look_up(previous[at]);
  }
  std::size_t kept = 0;
  for (std::uint32_t i = 0; i < count; i = next[i]) ids[kept++] = ids[i];
  ids.resize(kept);
}

}  // namespace tradeoff::text
