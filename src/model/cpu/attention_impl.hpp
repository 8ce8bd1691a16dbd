#pragma once
// Attention of a tile of queries to a span of keys, by the running softmax (Milakov and Gimelshein,
// 2018; flash attention).
#include "kernels.hpp"

#include "words_impl.hpp"

namespace tradeoff::model::cpu {
namespace {

constexpr i64 kKeyBlock = 64;
constexpr float kMinusInfinity = -__builtin_inff();

// One row of products q · k: softmax step of their multiples by `scale` against the running maximum
// and sum, in place; returns the factor of the old sums.
inline float softmax_row(float* s, i64 visible, float scale, float& row_max, float& row_sum) {
  for (i64 i = visible; i < kKeyBlock; ++i) s[i] = kMinusInfinity;
  Vf best = splat(kMinusInfinity);
  for (i64 i = 0; i < kKeyBlock; i += kWidth) {
    put(s + i, load(s + i) * scale);
    best = vmax(best, load(s + i));
  }
  const float highest = reduce_max(best);
  const float next = highest > row_max ? highest : row_max;
  if (next == kMinusInfinity) {
    for (i64 i = 0; i < kKeyBlock; ++i) s[i] = 0;
    return 1.0f;
  }
  Vf sum = {};
  for (i64 i = 0; i < kKeyBlock; i += kWidth) {
    const Vf p = vexp(load(s + i) - next);
    put(s + i, p);
    sum += p;
  }
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
  const i64 group = g.heads / g.kv_heads, rows = (t.q_end - t.q_begin) * group, d = g.d;
  const i64 kv_stride = g.kv_heads * d;
  float scores[kKeyBlock];
  for (i64 r = 0; r < rows; ++r) {
    const i64 query = r / group, at = (t.q_begin + query) * g.heads + t.kv_head * group + r % group;
    const T* const q = static_cast<const T*>(g.q) + at * d;
    float* const acc = g.acc + at * d;
    i64 limit = t.causal ? t.visible + query : t.k_count;
    if (limit > t.k_count) limit = t.k_count;
    for (i64 block = 0; block < limit; block += kKeyBlock) {
      const i64 count = limit - block < kKeyBlock ? limit - block : kKeyBlock;
      const T* const k =
          static_cast<const T*>(g.k) + (t.k_begin + block) * kv_stride + t.kv_head * d;
      const T* const v =
          static_cast<const T*>(g.v) + (t.k_begin + block) * kv_stride + t.kv_head * d;
      for (i64 j = 0; j < count; ++j) {
        const T* const key = k + j * kv_stride;
        Vf sum = {};
        float tail = 0;
        i64 i = 0;
        for (; i + kWidth <= d; i += kWidth) sum += load(q + i) * load(key + i);
        for (; i < d; ++i) tail += get(q + i) * get(key + i);
        scores[j] = reduce_add(sum) + tail;
      }
      const float factor = softmax_row(scores, count, g.scale, g.row_max[at], g.row_sum[at]);
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
  if ((t.q_end - t.q_begin) * (g.heads / g.kv_heads) <= kFewRows) return attend_few<T>(g, t);
  using Words = typename WordsOf<T>::Type;
  using Word = typename Words::Word;
  static thread_local Scratch scratch;
  const i64 group = g.heads / g.kv_heads, queries = t.q_end - t.q_begin, rows = queries * group;
  const i64 d = g.d, depth = words_of<Words>(d), padded = whole_panels(d),
            kv_stride = g.kv_heads * d;
  float* const acc = scratch.reserve(rows * (padded + depth + kKeyBlock) +
                                     kKeyBlock * (padded + depth));      // [rows, padded]
  float* const scores = acc + rows * padded;                             // [rows, kKeyBlock]
  float* const values = scores + rows * kKeyBlock;                       // [kKeyBlock, padded]
  Word* const q = reinterpret_cast<Word*>(values + kKeyBlock * padded);  // [rows, depth]
  Word* const keys = q + rows * depth;  // panels [kKeyBlock / kPanel][depth][kPanel]

  const i64 head = t.kv_head * group;
  for (i64 r = 0; r < rows; ++r) {
    const i64 at = (t.q_begin + r / group) * g.heads + head + r % group;
    row_words<Words>(static_cast<const T*>(g.q) + at * d, d, q + r * depth);
    const float* const old = g.acc + at * d;
    for (i64 i = 0; i < d; ++i) acc[r * padded + i] = old[i];
    for (i64 i = d; i < padded; ++i) acc[r * padded + i] = 0;
  }
  const i64 last_visible =
      t.causal ? (t.visible + queries - 1 < t.k_count ? t.visible + queries - 1 : t.k_count)
               : t.k_count;
  for (i64 block = 0; block < last_visible; block += kKeyBlock) {
    const i64 count = last_visible - block < kKeyBlock ? last_visible - block : kKeyBlock;
    const T* const k = static_cast<const T*>(g.k) + (t.k_begin + block) * kv_stride + t.kv_head * d;
    const T* const v = static_cast<const T*>(g.v) + (t.k_begin + block) * kv_stride + t.kv_head * d;
    if (count < kKeyBlock) std::memset(keys, 0, kKeyBlock * depth * sizeof(Word));
    for (i64 j = 0; j < count; ++j) {
      column_words<Words>(k + j * kv_stride, d, j, keys);
      stacked_words<FloatWords, T>(v + j * kv_stride, nullptr, d, padded, values + j * padded);
    }
    small_product<Words, false, false>(rows, kKeyBlock, depth, q, depth, keys, kPanel,
                                       depth * kPanel, scores, kKeyBlock);
    for (i64 r = 0; r < rows; ++r) {
      const i64 query = r / group, at = (t.q_begin + query) * g.heads + head + r % group;
      i64 visible = t.causal ? t.visible + query - block : count;
      visible = visible < 0 ? 0 : (visible > count ? count : visible);
      const float factor =
          softmax_row(scores + r * kKeyBlock, visible, g.scale, g.row_max[at], g.row_sum[at]);
      if (factor != 1.0f) {
        for (i64 i = 0; i < padded; i += kWidth)
          put(acc + r * padded + i, load(acc + r * padded + i) * factor);
      }
    }
    small_product<FloatWords, false, true>(rows, padded, count, scores, kKeyBlock, values, padded,
                                           kPanel, acc, padded);
  }
  for (i64 r = 0; r < rows; ++r) {
    const i64 at = (t.q_begin + r / group) * g.heads + head + r % group;
    std::memcpy(g.acc + at * d, acc + r * padded, d * sizeof(float));
  }
}

void attend(const AttendArgs& g, const AttendTile& t) {
  with_type(g.storage, [&]<typename T>(T) { attend_tile<T>(g, t); });
}

template <typename T>
void finish_rows(const AttendArgs& g, i64 begin, i64 end, T* out) {
  for (i64 at = begin * g.heads; at < end * g.heads; ++at) {
    const float factor = g.row_sum[at] > 0 ? 1.0f / g.row_sum[at] : 0.0f;
    for (i64 i = 0; i < g.d; ++i) set(out + at * g.d + i, g.acc[at * g.d + i] * factor);
  }
}

void attend_finish(const AttendArgs& g, i64 begin, i64 end, void* out) {
  with_type(g.storage, [&]<typename T>(T) { finish_rows(g, begin, end, static_cast<T*>(out)); });
}

}  // namespace
}  // namespace tradeoff::model::cpu
