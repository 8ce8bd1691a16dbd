#pragma once
// The gradient of attention, with the probabilities computed again from the forward pass's
// log-sum-exp (Dao et al., FlashAttention, 2022, algorithm 4).
#include "backward.hpp"

#include "attention_impl.hpp"

namespace tradeoff::model::cpu {
namespace {

// Rows (queries x heads of a group) whose scores are held at a time; even, for stacked_words.
constexpr i64 kGradRows = 96;

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

// Rows' products q · k become probabilities, dout · v their scores' gradients (both without the
// scale); keys that a row does not see give 0.
inline void score_grads(const AttendGradArgs& g, const AttendTile& t, i64 first_row, i64 rows,
                        i64 key_begin, i64 key_count, float* probs, float* dscores) {
  const i64 group = g.heads / g.kv_heads;
  for (i64 r = 0; r < rows; ++r) {
    const i64 query = (first_row + r) / group;
    const i64 at = (t.q_begin + query) * g.heads + t.kv_head * group + (first_row + r) % group;
    i64 visible = (t.causal ? t.visible + query : t.k_count) - key_begin;
    visible = visible < key_count ? visible : key_count;
    float* const p = probs + r * kKeyBlock;
    float* const ds = dscores + r * kKeyBlock;
    for (i64 i = visible < 0 ? 0 : visible; i < kKeyBlock; ++i) p[i] = kMinusInfinity;
    for (i64 i = 0; i < kKeyBlock; i += kWidth) {
      const Vf prob = vexp(load(p + i) * g.scale - g.lse[at]);
      put(p + i, prob);
      put(ds + i, prob * (load(ds + i) - g.delta[at]));
    }
  }
}

// Rows [0, rows) of [kGradRows, kKeyBlock] floats as words along the rows and along the keys.
template <typename W>
void score_words(const float* from, i64 rows, typename W::Word* stacked, typename W::Word* by_key) {
  const auto round = [](Vf v) {  // finite, to the nearest bf16, ties to even; in the upper half
    const Vu bits = reinterpret_cast<Vu>(v);
    return (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000u;
  };
  for (i64 r = 0; r < rows; r += 2) {
    for (i64 i = 0; i < kKeyBlock; i += kWidth) {
      const Vu low = round(load(from + r * kKeyBlock + i));
      const Vu high = r + 1 < rows ? round(load(from + (r + 1) * kKeyBlock + i)) : Vu{};
      *reinterpret_cast<Vu*>(stacked + r / 2 * kKeyBlock + i) = high | (low >> 16);
      if (!by_key) continue;
      const auto narrow_row = [&](i64 row, Vu bits) {
        *reinterpret_cast<Vh*>(reinterpret_cast<std::uint16_t*>(by_key) + row * kKeyBlock + i) =
            __builtin_convertvector(bits >> 16, Vh);
      };
      narrow_row(r, low);
      if (r + 1 < rows) narrow_row(r + 1, high);
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
  const i64 group = g.heads / g.kv_heads, queries = t.q_end - t.q_begin, rows = queries * group;
  const i64 d = g.d, depth = words_of<W>(d), padded = whole_panels(d), stride = g.kv_heads * d;
  const i64 stacks = words_of<W>(rows), score_stacks = words_of<W>(kGradRows),
            key_stacks = words_of<W>(kKeyBlock);

  float* next = scratch.reserve(2 * rows * depth + (2 * stacks + rows) * padded +
                                2 * kKeyBlock * (depth + padded) + key_stacks * padded +
                                2 * kGradRows * kKeyBlock + 3 * score_stacks * kKeyBlock);
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
  float* const probs = floats(kGradRows * kKeyBlock);
  float* const dscores = floats(kGradRows * kKeyBlock);
  // Float words stand as they are.
  Word *probs_stacked = nullptr, *dscores_stacked = nullptr, *dscores_by_key = nullptr;
  if constexpr (kPairs == 1) {
    probs_stacked = probs;
    dscores_stacked = dscores_by_key = dscores;
  } else {
    probs_stacked = words(score_stacks * kKeyBlock);
    dscores_stacked = words(score_stacks * kKeyBlock);
    dscores_by_key = words(kGradRows * key_stacks);
  }

  const auto row_of = [&](const void* from, i64 r) -> const T* {
    if (r >= rows) return nullptr;
    const i64 at = (t.q_begin + r / group) * g.heads + t.kv_head * group + r % group;
    return static_cast<const T*>(from) + at * d;
  };
  for (i64 r = 0; r < rows; ++r) {
    row_words<W>(row_of(g.q, r), d, q + r * depth);
    row_words<W>(row_of(g.dout, r), d, dout + r * depth);
  }
  for (i64 s = 0; s < stacks; ++s) {
    const i64 r = s * kPairs;
    stacked_words<W>(row_of(g.q, r), row_of(g.q, r + 1), d, padded, q_stacked + s * padded);
    stacked_words<W>(row_of(g.dout, r), row_of(g.dout, r + 1), d, padded,
                     dout_stacked + s * padded);
  }
  std::memset(dq, 0, rows * padded * sizeof(float));

  const i64 seen =
      t.causal && t.visible + queries - 1 < t.k_count ? t.visible + queries - 1 : t.k_count;
  for (i64 block = 0; block < seen; block += kKeyBlock) {
    const i64 count = seen - block < kKeyBlock ? seen - block : kKeyBlock;
    const auto key_of = [&](const void* from, i64 j) -> const T* {
      return j < count
                 ? static_cast<const T*>(from) + (t.k_begin + block + j) * stride + t.kv_head * d
                 : nullptr;
    };
    if (count < kKeyBlock) {
      std::memset(key_columns, 0, kKeyBlock * depth * sizeof(Word));
      std::memset(value_columns, 0, kKeyBlock * depth * sizeof(Word));
      std::memset(keys_stacked, 0, key_stacks * padded * sizeof(Word));
    }
    for (i64 j = 0; j < count; ++j) {
      column_words<W>(key_of(g.k, j), d, j, key_columns);
      column_words<W>(key_of(g.v, j), d, j, value_columns);
      if (j % kPairs == 0)
        stacked_words<W>(key_of(g.k, j), key_of(g.k, j + 1), d, padded,
                         keys_stacked + j / kPairs * padded);
    }
    std::memset(dk_block, 0, kKeyBlock * padded * sizeof(float));
    std::memset(dv_block, 0, kKeyBlock * padded * sizeof(float));
    // Queries before the block see none of its keys.
    const i64 first = t.causal && block >= t.visible ? (block - t.visible + 1) * group : 0;
    for (i64 row = first / kPairs * kPairs; row < rows; row += kGradRows) {
      const i64 m = rows - row < kGradRows ? rows - row : kGradRows;
      small_product<W, false, false>(m, kKeyBlock, depth, q + row * depth, depth, key_columns,
                                     kPanel, depth * kPanel, probs, kKeyBlock);
      small_product<W, false, false>(m, kKeyBlock, depth, dout + row * depth, depth, value_columns,
                                     kPanel, depth * kPanel, dscores, kKeyBlock);
      score_grads(g, t, row, m, block, count, probs, dscores);
      if constexpr (kPairs > 1) {
        score_words<W>(probs, m, probs_stacked, nullptr);
        score_words<W>(dscores, m, dscores_stacked, dscores_by_key);
      }
      const i64 stack = row / kPairs, m_stacks = words_of<W>(m);
      small_product<W, true, true>(kKeyBlock, padded, m_stacks, probs_stacked, kKeyBlock,
                                   dout_stacked + stack * padded, padded, kPanel, dv_block, padded);
      small_product<W, true, true>(kKeyBlock, padded, m_stacks, dscores_stacked, kKeyBlock,
                                   q_stacked + stack * padded, padded, kPanel, dk_block, padded);
      small_product<W, false, true>(m, padded, words_of<W>(count), dscores_by_key, key_stacks,
                                    keys_stacked, padded, kPanel, dq + row * padded, padded);
    }
    for (i64 j = 0; j < count; ++j) {
      float* const dk_row = dk + (block + j) * kv_stride;
      float* const dv_row = dv + (block + j) * kv_stride;
      for (i64 i = 0; i < d; ++i) dk_row[i] += dk_block[j * padded + i] * g.scale;
      for (i64 i = 0; i < d; ++i) dv_row[i] += dv_block[j * padded + i];
    }
  }
  for (i64 r = 0; r < rows; ++r) {
    float* const to = g.dq + (row_of(g.q, r) - static_cast<const T*>(g.q));
    for (i64 i = 0; i < d; ++i) to[i] += dq[r * padded + i] * g.scale;
  }
}

void attend_grad(const AttendGradArgs& g, const AttendTile& t, float* dk, float* dv,
                 i64 kv_stride) {
  with_type(g.storage, [&]<typename T>(T) { attend_grad_tile<T>(g, t, dk, dv, kv_stride); });
}

}  // namespace
}  // namespace tradeoff::model::cpu
