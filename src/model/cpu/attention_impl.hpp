#pragma once
// Attention of a tile of queries to a span of keys, by the running softmax (Milakov and Gimelshein,
// 2018; flash attention).
#include <cstring>
#include <type_traits>

#include "kernels.hpp"

#include "words_impl.hpp"

namespace tradeoff::model::cpu {
namespace {

constexpr i64 kKeyBlock = 64;
constexpr float kMinusInfinity = -__builtin_inff();

// Rows (queries x heads of a group) whose scores are held at a time; even, for stacked_words.
constexpr i64 kScoreRows = 96;

// A tile's rows are its queries, each with the heads of its group.
struct TileRows {
  const AttendTile& t;
  i64 heads, kv_heads, d;
  i64 group = heads / kv_heads, count = (t.q_end - t.q_begin) * group;

  // Where row r stands in [T, heads].
  i64 place(i64 r) const { return (t.q_begin + r / group) * heads + t.kv_head * group + r % group; }
  // How many of the `most` keys from `block` on row r sees.
  i64 visible(i64 r, i64 block, i64 most) const {
    const i64 seen = t.causal ? t.visible + r / group - block : most;
    return seen < most ? seen : most;
  }
  // How many keys from `block` on lie before row r's window.
  i64 hidden(i64 r, i64 block) const {
    const i64 before = t.window_start + r / group - block;
    return before > 0 ? before : 0;
  }
  // How many of the tile's keys its last row sees.
  i64 keys_seen() const { return visible(count - 1, 0, t.k_count); }
  // The first row that sees a key from `block` on.
  i64 first_row(i64 block) const {
    return t.causal && block >= t.visible ? (block - t.visible + 1) * group : 0;
  }
  // Key j, or its value, in [S, kv_heads, d].
  template <typename T>
  const T* key(const void* from, i64 j) const {
    return static_cast<const T*>(from) + ((t.k_begin + j) * kv_heads + t.kv_head) * d;
  }
};

// Up to kKeyBlock of a tile's keys from `begin` on.
struct KeyBlock {
  const TileRows& tile;
  i64 begin;
  i64 rest = tile.keys_seen() - begin, count = rest < kKeyBlock ? rest : kKeyBlock;

  i64 visible(i64 r) const { return tile.visible(r, begin, count); }
  i64 hidden(i64 r) const { return tile.hidden(r, begin); }
};

// The block's rows of k or v as columns of panels [kKeyBlock / kPanel][words_of(d)][kPanel]; 0 for
// keys that it lacks.
template <typename W, typename T>
inline void column_block(const KeyBlock& block, const void* from, typename W::Word* panels) {
  const i64 d = block.tile.d;
  if (block.count < kKeyBlock) std::memset(panels, 0, kKeyBlock * words_of<W>(d) * sizeof(*panels));
  for (i64 j = 0; j < block.count; ++j)
    column_words<W>(block.tile.template key<T>(from, block.begin + j), d, j, panels);
}

// The same rows with the elements of a column together: [words_of(kKeyBlock), whole_panels(d)].
template <typename W, typename T>
inline void stacked_block(const KeyBlock& block, const void* from, typename W::Word* stacked) {
  const i64 d = block.tile.d, padded = whole_panels(d);
  if (block.count < kKeyBlock)
    std::memset(stacked, 0, words_of<W>(kKeyBlock) * padded * sizeof(*stacked));
  const auto row = [&](i64 j) {
    return j < block.count ? block.tile.template key<T>(from, block.begin + j) : nullptr;
  };
  for (i64 j = 0; j < block.count; j += W::kElements, stacked += padded)
    stacked_words<W>(row(j), row(j + 1), d, padded, stacked);
}

// Asks the caches for the same head's row of a later query: rows of one head are too far apart for
// the processor to foresee.
template <typename T>
inline void fetch_ahead(const T* row, i64 d, i64 query_stride) {
  const char* const next = reinterpret_cast<const char*>(row + 6 * query_stride);
  for (i64 byte = 0; byte < d * static_cast<i64>(sizeof(T)); byte += 64)
    __builtin_prefetch(next + byte);
}

// Columns [hidden, visible) of a row.
struct Seen {
  i64 hidden, visible;
};

// Columns [0, limit), whole vectors, of one row of products q · k: softmax step of their multiples
// by the scale, capped where there is a cap, against the running maximum and sum, to `probs`; those
// that are not seen give 0. Returns the factor of the old sums.
template <typename P>
inline float softmax_row(float* s, Seen seen, i64 limit, const AttendArgs& g, float& row_max,
                         float& row_sum, P* probs) {
  const i64 visible = seen.visible;
  const i64 end = visible > 0 ? (visible + kWidth - 1) / kWidth * kWidth : 0;
  if (g.cap > 0) {
    for (i64 i = 0; i < end; i += kWidth)
      put(s + i, vtanh(load(s + i) * (g.scale / g.cap)) * g.cap);
  }
  const float scale = g.cap > 0 ? 1.0f : g.scale;
  for (i64 i = visible; i < end; ++i) s[i] = kMinusInfinity;
  for (i64 i = 0; i < seen.hidden && i < end; ++i) s[i] = kMinusInfinity;
  Vf best = splat(kMinusInfinity);
  for (i64 i = 0; i < end; i += kWidth) best = vmax(best, load(s + i) * scale);
  const float highest = reduce_max(best);
  const float next = highest > row_max ? highest : row_max;
  Vf sum = {};
  for (i64 i = 0; i < limit; i += kWidth) {
    const Vf p = i < end && next != kMinusInfinity ? vexp(load(s + i) * scale - next) : Vf{};
    put(probs + i, p);
    sum += p;
  }
  if (next == kMinusInfinity) return 1.0f;
  const float factor = row_max == kMinusInfinity ? 0.0f : vexp(splat(row_max - next))[0];
  row_sum = row_sum * factor + reduce_add(sum);
  row_max = next;
  return factor;
}

// A tile of few rows (decode): keys and values are read in place, since packing them would cost
// more than using them.
constexpr i64 kFewRows = 8;

template <typename T>
void attend_few(const AttendArgs& g, const AttendTile& t) {
  const TileRows tile{t, g.heads, g.kv_heads, g.d};
  const i64 d = g.d, kv_stride = g.kv_heads * d;
  float scores[kKeyBlock];
  for (i64 r = 0; r < tile.count; ++r) {
    const i64 at = tile.place(r);
    const T* const q = static_cast<const T*>(g.q) + at * d;
    float* const acc = g.acc + at * d;
    if (g.row_max[at] == kMinusInfinity) std::memset(acc, 0, d * sizeof(float));
    const i64 limit = tile.visible(r, 0, t.k_count);
    for (i64 block = tile.hidden(r, 0); block < limit; block += kKeyBlock) {
      const i64 count = limit - block < kKeyBlock ? limit - block : kKeyBlock;
      const T *const k = tile.key<T>(g.k, block), *const v = tile.key<T>(g.v, block);
      for (i64 j = 0; j < count; ++j) {
        const T* const key = k + j * kv_stride;
        Vf sum = {};
        float tail = 0;
        i64 i = 0;
        for (; i + kWidth <= d; i += kWidth) sum += load(q + i) * load(key + i);
        for (; i < d; ++i) tail += get(q + i) * get(key + i);
        scores[j] = reduce_add(sum) + tail;
      }
      const float factor =
          softmax_row(scores, {0, count}, kKeyBlock, g, g.row_max[at], g.row_sum[at], scores);
      i64 i = 0;
      for (; i + kWidth <= d; i += kWidth) {
        Vf sum = load(acc + i) * factor;
        for (i64 j = 0; j < count; ++j) sum += scores[j] * load(v + j * kv_stride + i);
        put(acc + i, sum);
      }
      for (; i < d; ++i) {
        float sum = acc[i] * factor;
        for (i64 j = 0; j < count; ++j) sum += scores[j] * get(v + j * kv_stride + i);
        acc[i] = sum;
      }
    }
  }
}

template <typename T>
void attend_tile(const AttendArgs& g, const AttendTile& t) {
  const TileRows tile{t, g.heads, g.kv_heads, g.d};
  if (tile.count <= kFewRows) return attend_few<T>(g, t);
  using Words = typename WordsOf<T>::Type;
  using Word = typename Words::Word;
  constexpr i64 kPairs = Words::kElements;
  using Prob = std::conditional_t<kPairs == 1, float, T>;
  static thread_local Scratch scratch;
  const i64 rows = tile.count, d = g.d, depth = words_of<Words>(d), padded = whole_panels(d);
  constexpr i64 kStacks = kKeyBlock / kPairs;
  float* const acc = scratch.reserve(rows * (padded + depth) + 2 * kScoreRows * kKeyBlock +
                                     kKeyBlock * depth + kStacks * padded);  // [rows, padded]
  float* const scores = acc + rows * padded;  // [kScoreRows, kKeyBlock]
  Prob* const probs = kPairs == 1 ? reinterpret_cast<Prob*>(scores)
                                  : reinterpret_cast<Prob*>(scores + kScoreRows * kKeyBlock);
  Word* const values = reinterpret_cast<Word*>(scores + 2 * kScoreRows * kKeyBlock);
  Word* const q = values + kStacks * padded;  // [rows, depth]
  Word* const keys = q + rows * depth;        // panels [kKeyBlock / kPanel][depth][kPanel]

  for (i64 r = 0; r < rows; ++r) {
    const i64 at = tile.place(r);
    const T* const q_row = static_cast<const T*>(g.q) + at * d;
    fetch_ahead(q_row, d, g.heads * d);
    row_words<Words>(q_row, d, q + r * depth);
    float* const row = acc + r * padded;
    std::memset(row, 0, padded * sizeof(float));
    if (g.row_max[at] != kMinusInfinity) std::memcpy(row, g.acc + at * d, d * sizeof(float));
  }
  const i64 seen = tile.keys_seen();
  for (i64 begin = tile.hidden(0, 0); begin < seen; begin += kKeyBlock) {
    const KeyBlock block{tile, begin};
    column_block<Words, T>(block, g.k, keys);
    stacked_block<Words, T>(block, g.v, values);
    for (i64 row = tile.first_row(begin); row < rows; row += kScoreRows) {
      const i64 m = rows - row < kScoreRows ? rows - row : kScoreRows;
      const i64 limit = whole_panels(block.visible(row + m - 1));
      small_product<Words, false, false>(m, limit, depth, q + row * depth, depth, keys, kPanel,
                                         depth * kPanel, scores, kKeyBlock);
      for (i64 r = row; r < row + m; ++r) {
        const i64 at = tile.place(r), local = (r - row) * kKeyBlock;
        const float factor = softmax_row(scores + local, {block.hidden(r), block.visible(r)}, limit,
                                         g, g.row_max[at], g.row_sum[at], probs + local);
        if (factor == 1.0f) continue;
        for (i64 i = 0; i < padded; i += kWidth)
          put(acc + r * padded + i, load(acc + r * padded + i) * factor);
      }
      small_product<Words, false, true>(m, padded, limit / kPairs,
                                        reinterpret_cast<const Word*>(probs), kStacks, values,
                                        padded, kPanel, acc + row * padded, padded);
    }
  }
  for (i64 r = 0; r < rows; ++r) {
    float* const to = g.acc + tile.place(r) * d;
    fetch_ahead(to, d, g.heads * d);
    std::memcpy(to, acc + r * padded, d * sizeof(float));
  }
}

void attend(const AttendArgs& g, const AttendTile& t) {
  with_type(g.storage, [&]<typename T>(T) { attend_tile<T>(g, t); });
}

template <typename T>
void finish_rows(const AttendArgs& g, i64 begin, i64 end, T* out) {
  for (i64 at = begin * g.heads; at < end * g.heads; ++at) {
    T* const to = out + at * g.d;
    if (g.row_max[at] == kMinusInfinity) {
      std::memset(to, 0, g.d * sizeof(T));
      continue;
    }
    const float factor = 1.0f / g.row_sum[at];
    for (i64 i = 0; i < g.d; ++i) set(to + i, g.acc[at * g.d + i] * factor);
  }
}

void attend_finish(const AttendArgs& g, i64 begin, i64 end, void* out) {
  with_type(g.storage, [&]<typename T>(T) { finish_rows(g, begin, end, static_cast<T*>(out)); });
}

}  // namespace
}  // namespace tradeoff::model::cpu
