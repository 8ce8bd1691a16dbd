#pragma once
// The gradient of attention, with the probabilities computed again from the forward pass's
// log-sum-exp (Dao et al., FlashAttention, 2022, algorithm 4).
#include "backward.hpp"

#include "attention_impl.hpp"

namespace tradeoff::model::cpu {
namespace {

template <typename T>
void row_dots_of(const T* a, const T* b, i64 begin, i64 end, i64 heads, i64 d, float* out) {
  for (i64 at = begin * heads; at < end * heads; ++at) {
    Vf sum = {};
    float tail = 0;
    i64 i = 0;
    for (; i + kWidth <= d; i += kWidth) sum += load(a + at * d + i) * load(b + at * d + i);
    for (; i < d; ++i) tail += get(a + at * d + i) * get(b + at * d + i);
    out[at] = reduce_add(sum) + tail;
  }
}

void row_dots(Storage storage, const void* a, const void* b, i64 begin, i64 end, i64 heads, i64 d,
              float* out) {
  with_type(storage, [&]<typename T>(T) {
    row_dots_of(static_cast<const T*>(a), static_cast<const T*>(b), begin, end, heads, d, out);
  });
}

// One row of a block's scores and what their gradients need.
struct ScoreRow {
  const float* products;   // q · k
  const float* dproducts;  // dout · v
  float scale, cap, lse, delta;
  Seen seen;
};
struct ScoreGrad {
  Vf prob, dscore;  // both without the scale; 0 for keys that the row does not see
};
inline ScoreGrad score_grad(const ScoreRow& row, i64 i) {
  Vf score = load(row.products + i) * row.scale, slope = splat(1.0f);
  if (row.cap > 0) {
    const Vf part = vtanh(score / row.cap);
    score = part * row.cap;
    slope = 1.0f - part * part;
  }
  const Vf prob =
      keep_from(keep_below(vexp(score - row.lse), i, row.seen.visible), i, row.seen.hidden);
  const Vf dscore = prob * (load(row.dproducts + i) - row.delta);
  return {prob, row.cap > 0 ? dscore * slope : dscore};
}

// The words of rows [0, rows) of ScoreGrads, columns [0, limit): probabilities and gradients along
// the rows, [rows / kElements, kKeyBlock], and gradients along the keys, [rows, kKeyBlock /
// kElements].
template <typename W>
struct ScoreWords {
  typename W::Word *probs, *dscores, *dscores_by_key;
};
template <typename W, typename RowOf>
inline void score_words(const RowOf& row_of, i64 rows, i64 limit, const ScoreWords<W>& to) {
  if constexpr (W::kElements == 1) {
    for (i64 r = 0; r < rows; ++r) {
      const ScoreRow row = row_of(r);
      for (i64 i = 0; i < limit; i += kWidth) {
        const ScoreGrad grad = score_grad(row, i);
        put(to.probs + r * kKeyBlock + i, grad.prob);
        put(to.dscores + r * kKeyBlock + i, grad.dscore);
      }
    }
  } else {
    const auto round = [](Vf value) {
      std::uint16_t bits[kWidth];
      put(bits, value);
      return __builtin_convertvector(*reinterpret_cast<const Vh*>(bits), Vu);
    };
    auto* const by_key = reinterpret_cast<std::uint16_t*>(to.dscores_by_key);
    for (i64 r = 0; r < rows; r += 2) {
      const bool pair = r + 1 < rows;
      const ScoreRow low = row_of(r), high = pair ? row_of(r + 1) : low;
      for (i64 i = 0; i < limit; i += kWidth) {
        const ScoreGrad a = score_grad(low, i);
        const ScoreGrad b = pair ? score_grad(high, i) : ScoreGrad{};
        const i64 at = r / 2 * kKeyBlock + i;
        *reinterpret_cast<Vu*>(to.probs + at) = round(a.prob) | round(b.prob) << 16;
        *reinterpret_cast<Vu*>(to.dscores + at) = round(a.dscore) | round(b.dscore) << 16;
        put(by_key + r * kKeyBlock + i, a.dscore);
        put(by_key + (r + 1) * kKeyBlock + i, b.dscore);
      }
    }
  }
}

template <typename T>
void attend_grad_tile(const AttendGradArgs& g, const AttendTile& t, float* dk, float* dv,
                      i64 kv_stride) {
  using W = typename WordsOf<T>::Type;
  using Word = typename W::Word;
  constexpr i64 kPairs = W::kElements;
  static thread_local Scratch scratch;
  const TileRows tile{t, g.heads, g.kv_heads, g.d};
  const i64 rows = tile.count, d = g.d, depth = words_of<W>(d), padded = whole_panels(d);
  const i64 stacks = words_of<W>(rows), score_stacks = words_of<W>(kScoreRows),
            key_stacks = words_of<W>(kKeyBlock);

  float* next = scratch.reserve(2 * rows * depth + (2 * stacks + rows) * padded +
                                2 * kKeyBlock * (depth + padded) + key_stacks * padded +
                                2 * kScoreRows * kKeyBlock + 3 * score_stacks * kKeyBlock);
  const auto floats = [&next](i64 count) {
    float* const begin = next;
    next += count;
    return begin;
  };
  const auto words = [&floats](i64 count) { return reinterpret_cast<Word*>(floats(count)); };
  Word* const q = words(rows * depth);                // along d
  Word* const dout = words(rows * depth);             // along d
  Word* const q_stacked = words(stacks * padded);     // along the rows
  Word* const dout_stacked = words(stacks * padded);  // along the rows
  float* const dq = floats(rows * padded);
  Word* const key_columns = words(kKeyBlock * depth);
  Word* const value_columns = words(kKeyBlock * depth);
  Word* const keys_stacked = words(key_stacks * padded);
  float* const dk_block = floats(kKeyBlock * padded);
  float* const dv_block = floats(kKeyBlock * padded);
  float* const probs = floats(kScoreRows * kKeyBlock);
  float* const dscores = floats(kScoreRows * kKeyBlock);
  ScoreWords<W> score_to;
  if constexpr (kPairs == 1) {  // they stand as they are
    score_to = {probs, dscores, dscores};
  } else {
    score_to = {words(score_stacks * kKeyBlock), words(score_stacks * kKeyBlock),
                words(kScoreRows * key_stacks)};
  }

  const auto row_of = [&](const void* from, i64 r) -> const T* {
    return r < rows ? static_cast<const T*>(from) + tile.place(r) * d : nullptr;
  };
  for (i64 r = 0; r < rows; ++r) {
    const T *const q_row = row_of(g.q, r), *const dout_row = row_of(g.dout, r);
    fetch_ahead(q_row, d, g.heads * d);
    fetch_ahead(dout_row, d, g.heads * d);
    row_words<W>(q_row, d, q + r * depth);
    row_words<W>(dout_row, d, dout + r * depth);
  }
  for (i64 s = 0; s < stacks; ++s) {
    const i64 r = s * kPairs;
    stacked_words<W>(row_of(g.q, r), row_of(g.q, r + 1), d, padded, q_stacked + s * padded);
    stacked_words<W>(row_of(g.dout, r), row_of(g.dout, r + 1), d, padded,
                     dout_stacked + s * padded);
  }
  std::memset(dq, 0, rows * padded * sizeof(float));

  const i64 seen = tile.keys_seen();
  for (i64 begin = tile.hidden(0, 0); begin < seen; begin += kKeyBlock) {
    const KeyBlock block{tile, begin};
    column_block<W, T>(block, g.k, key_columns);
    column_block<W, T>(block, g.v, value_columns);
    stacked_block<W, T>(block, g.k, keys_stacked);
    std::memset(dk_block, 0, kKeyBlock * padded * sizeof(float));
    std::memset(dv_block, 0, kKeyBlock * padded * sizeof(float));
    for (i64 row = tile.first_row(begin) / kPairs * kPairs; row < rows; row += kScoreRows) {
      const i64 m = rows - row < kScoreRows ? rows - row : kScoreRows;
      const i64 limit = whole_panels(block.visible(row + m - 1));
      small_product<W, false, false>(m, limit, depth, q + row * depth, depth, key_columns, kPanel,
                                     depth * kPanel, probs, kKeyBlock);
      small_product<W, false, false>(m, limit, depth, dout + row * depth, depth, value_columns,
                                     kPanel, depth * kPanel, dscores, kKeyBlock);
      const auto score_row = [&](i64 r) -> ScoreRow {
        const i64 at = tile.place(row + r);
        return {probs + r * kKeyBlock,
                dscores + r * kKeyBlock,
                g.scale,
                g.cap,
                g.lse[at],
                g.delta[at],
                {block.hidden(row + r), block.visible(row + r)}};
      };
      score_words<W>(score_row, m, limit, score_to);
      const i64 stack = row / kPairs, m_stacks = words_of<W>(m);
      small_product<W, true, true>(limit, padded, m_stacks, score_to.probs, kKeyBlock,
                                   dout_stacked + stack * padded, padded, kPanel, dv_block, padded);
      small_product<W, true, true>(limit, padded, m_stacks, score_to.dscores, kKeyBlock,
                                   q_stacked + stack * padded, padded, kPanel, dk_block, padded);
      small_product<W, false, true>(m, padded, words_of<W>(limit), score_to.dscores_by_key,
                                    key_stacks, keys_stacked, padded, kPanel, dq + row * padded,
                                    padded);
    }
    for (i64 j = 0; j < block.count; ++j) {
      float* const dk_row = dk + (begin + j) * kv_stride;
      float* const dv_row = dv + (begin + j) * kv_stride;
      for (i64 i = 0; i < d; ++i) dk_row[i] += dk_block[j * padded + i] * g.scale;
      for (i64 i = 0; i < d; ++i) dv_row[i] += dv_block[j * padded + i];
    }
  }
  for (i64 r = 0; r < rows; ++r) {
    float* const to = g.dq + tile.place(r) * d;
    const float* const share = dq + r * padded;
    fetch_ahead(to, d, g.heads * d);
    for (i64 i = 0; i < d; ++i) to[i] = share[i] * g.scale + (g.add_dq ? to[i] : 0.0f);
  }
}

void attend_grad(const AttendGradArgs& g, const AttendTile& t, float* dk, float* dv,
                 i64 kv_stride) {
  with_type(g.storage, [&]<typename T>(T) { attend_grad_tile<T>(g, t, dk, dv, kv_stride); });
}

}  // namespace
}  // namespace tradeoff::model::cpu
