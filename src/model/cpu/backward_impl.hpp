#pragma once
// The one source of backward.hpp, included after kernels_impl.hpp, whose vectors and micro-kernels
// it uses.
#include "backward.hpp"

namespace tradeoff::model::cpu {
namespace {

// ---- masks and row blocks ----

// All ones in the lanes whose bit is set; the vector's columns lie within one word.
inline Vi kept_lanes(const std::uint64_t* row, i64 column) {
  const auto bits = static_cast<std::int32_t>((row[column / 64] >> (column % 64)) &
                                              ((std::uint64_t{1} << kWidth) - 1));
  Vi lane;
  for (int i = 0; i < kWidth; ++i) lane[i] = 1 << i;
  return ((bits - Vi{}) & lane) != 0;
}
inline bool kept(const std::uint64_t* row, i64 column) {
  return (row[column / 64] >> (column % 64)) & 1;
}
inline Vf keep(Vf value, Vi lanes) {
  return reinterpret_cast<Vf>(reinterpret_cast<Vi>(value) & lanes);
}

// Columns [begin, end) of a row as floats, dropped ones as 0.
template <typename T>
inline void copy_row(const T* from, const std::uint64_t* mask, i64 begin, i64 end, float* to) {
  i64 i = begin;
  if (mask) {
    for (; i + kWidth <= end; i += kWidth)
      put(to + i - begin, keep(load(from + i), kept_lanes(mask, i)));
    for (; i < end; ++i) to[i - begin] = kept(mask, i) ? get(from + i) : 0.0f;
  } else {
    for (; i + kWidth <= end; i += kWidth) put(to + i - begin, load(from + i));
    for (; i < end; ++i) to[i - begin] = get(from + i);
  }
}

inline const std::uint64_t* mask_row(const Mask& mask, i64 row) {
  return mask.bits ? mask.bits + row * mask.words : nullptr;
}

// ---- LoRA ----

constexpr i64 kSkinnyRows = 2 * kTileRows;

template <int R>
inline void skinny_tile(const SkinnyArgs& g, const float* a, i64 lda, i64 row) {
  const i64 ldb = (g.columns + kWidth - 1) / kWidth * kWidth;
  for (i64 column = 0; column < g.columns; column += kWidth) {
    Vf acc[R] = {};
    const float* b = g.b + column;
    for (i64 i = 0; i < g.k; ++i, b += ldb) {
      const Vf value = load(b);
#pragma GCC unroll 32
      for (int r = 0; r < R; ++r) acc[r] += splat(a[r * lda + i]) * value;
    }
    for (int r = 0; r < R; ++r)
      put_some(g.out + (row + r) * g.ldo + column, acc[r] * g.factor, g.columns - column);
  }
}

template <typename T>
void skinny_rows(const SkinnyArgs& g, i64 begin, i64 end) {
  constexpr i64 kBlock = 2 * kSkinnyRows;
  static thread_local AttendScratch scratch;
  const bool copies = sizeof(T) == 2 || g.mask.bits;
  float* const copy = copies ? scratch.reserve(kBlock * g.k) : nullptr;
  const T* const source = static_cast<const T*>(g.a);
  for (i64 block = begin; block < end; block += kBlock) {
    const i64 rows = end - block < kBlock ? end - block : kBlock;
    const float* a = copy;
    i64 lda = g.k;
    if (copies) {
      for (i64 r = 0; r < rows; ++r) {
        copy_row(source + (block + r) * g.lda, mask_row(g.mask, block + r), 0, g.k, copy + r * g.k);
      }
    } else if constexpr (sizeof(T) == 4) {
      a = source + block * g.lda;
      lda = g.lda;
    }
    i64 r = 0;
    for (; r + kSkinnyRows <= rows; r += kSkinnyRows)
      skinny_tile<kSkinnyRows>(g, a + r * lda, lda, block + r);
    for (; r + 4 <= rows; r += 4) skinny_tile<4>(g, a + r * lda, lda, block + r);
    for (; r < rows; ++r) skinny_tile<1>(g, a + r * lda, lda, block + r);
  }
}

void skinny(const SkinnyArgs& g, i64 begin, i64 end) {
  if (g.in == Storage::f32) {
    skinny_rows<float>(g, begin, end);
  } else {
    skinny_rows<std::uint16_t>(g, begin, end);
  }
}

template <typename T, int R>
inline void input_grad_tile(const InputGradArgs& g, i64 row, i64 column) {
  Vf total[R][2] = {};
  for (i64 p = 0; p < g.count; ++p) {
    const InputGradPart& part = g.parts[p];
    Vf acc[R][2] = {};
    accumulate<R>(acc, part.u + row * part.ldu, part.ldu, part.a + column, g.n, part.lora_rank);
    for (int r = 0; r < R; ++r) {
      for (int half = 0; half < 2; ++half) {
        const std::uint64_t* const mask = mask_row(part.mask, row + r);
        total[r][half] +=
            mask ? keep(acc[r][half], kept_lanes(mask, column + half * kWidth)) : acc[r][half];
      }
    }
  }
  T* const dx = static_cast<T*>(g.dx) + row * g.n + column;
  for (int r = 0; r < R; ++r) {
    for (int half = 0; half < 2; ++half) {
      T* const p = dx + r * g.n + half * kWidth;
      put(p, load(p) + total[r][half] * g.factor);
    }
  }
}

template <typename T>
void input_grad_rows(const InputGradArgs& g, i64 begin, i64 end) {
  constexpr int kRows = kTileRows / 2;
  const i64 whole = g.n / kPanel * kPanel;
  i64 row = begin;
  for (; row + kRows <= end; row += kRows) {
    for (i64 column = 0; column < whole; column += kPanel)
      input_grad_tile<T, kRows>(g, row, column);
  }
  for (; row < end; ++row) {
    for (i64 column = 0; column < whole; column += kPanel) input_grad_tile<T, 1>(g, row, column);
  }
  for (row = begin; row < end && whole < g.n; ++row) {
    for (i64 column = whole; column < g.n; ++column) {
      float total = 0;
      for (i64 p = 0; p < g.count; ++p) {
        const InputGradPart& part = g.parts[p];
        const std::uint64_t* const mask = mask_row(part.mask, row);
        if (mask && !kept(mask, column)) continue;
        float sum = 0;
        for (i64 i = 0; i < part.lora_rank; ++i)
          sum += part.u[row * part.ldu + i] * part.a[i * g.n + column];
        total += sum;
      }
      T* const p = static_cast<T*>(g.dx) + row * g.n + column;
      set(p, get(p) + total * g.factor);
    }
  }
}

void input_grad(const InputGradArgs& g, i64 begin, i64 end) {
  if (g.storage == Storage::f32) {
    input_grad_rows<float>(g, begin, end);
  } else {
    input_grad_rows<std::uint16_t>(g, begin, end);
  }
}

// c[r, 0..kPanel) += Σ over i of a[i, r] · b[i, :].
template <int R>
inline void outer_tile(const float* a, i64 lda, const float* b, i64 ldb, i64 k, float* c, i64 ldc) {
  Vf acc[R][2];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    acc[r][0] = load(c + r * ldc);
    acc[r][1] = load(c + r * ldc + kWidth);
  }
  for (i64 i = 0; i < k; ++i, a += lda, b += ldb) {
    const Vf b0 = load(b), b1 = load(b + kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vf x = splat(a[r]);
      acc[r][0] += x * b0;
      acc[r][1] += x * b1;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    put(c + r * ldc, acc[r][0]);
    put(c + r * ldc + kWidth, acc[r][1]);
  }
}

// c [m, n] += aᵀ · b over k rows; n is a multiple of kPanel.
inline void outer_block(i64 m, i64 n, i64 k, const float* a, i64 lda, const float* b, i64 ldb,
                        float* c, i64 ldc) {
  constexpr int kRows = kTileRows < 6 ? 4 : kTileRows;
  for (i64 column = 0; column < n; column += kPanel) {
    i64 r = 0;
    for (; r + kRows <= m && m - r != 8; r += kRows)
      outer_tile<kRows>(a + r, lda, b + column, ldb, k, c + r * ldc + column, ldc);
    for (; r + 4 <= m; r += 4)
      outer_tile<4>(a + r, lda, b + column, ldb, k, c + r * ldc + column, ldc);
    for (i64 left = m - r; left > 0; --left, ++r)
      outer_tile<1>(a + r, lda, b + column, ldb, k, c + r * ldc + column, ldc);
  }
}

template <typename T>
void outer_columns(const OuterArgs& g, i64 begin, i64 end) {
  constexpr i64 kRowsAtOnce = 64;
  static thread_local AttendScratch scratch;
  const i64 n = end - begin, padded = (n + kPanel - 1) / kPanel * kPanel;
  float* const sum = scratch.reserve((g.m + kRowsAtOnce) * padded);
  float* const rows = sum + g.m * padded;
  for (i64 i = 0; i < g.m * padded; ++i) sum[i] = 0;
  const T* const wide = static_cast<const T*>(g.wide);
  const bool in_place = sizeof(T) == 4 && !g.mask.bits && padded == n;
  if (!in_place) std::memset(rows, 0, kRowsAtOnce * padded * sizeof(float));
  for (i64 block = 0; block < g.rows; block += kRowsAtOnce) {
    const i64 count = g.rows - block < kRowsAtOnce ? g.rows - block : kRowsAtOnce;
    const float* b = rows;
    i64 ldb = padded;
    if (in_place) {
      if constexpr (sizeof(T) == 4) b = wide + block * g.ldw + begin;
      ldb = g.ldw;
    } else {
      for (i64 i = 0; i < count; ++i) {
        copy_row(wide + (block + i) * g.ldw, mask_row(g.mask, block + i), begin, end,
                 rows + i * padded);
      }
    }
    outer_block(g.m, padded, count, g.small + block * g.lds, g.lds, b, ldb, sum, padded);
  }
  for (i64 r = 0; r < g.m; ++r) {
    for (i64 i = 0; i < n; ++i) g.out[r * g.ldo + begin + i] += g.factor * sum[r * padded + i];
  }
}

void outer(const OuterArgs& g, i64 begin, i64 end) {
  if (g.storage == Storage::f32) {
    outer_columns<float>(g, begin, end);
  } else {
    outer_columns<std::uint16_t>(g, begin, end);
  }
}

// ---- attention ----

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
  if (storage == Storage::f32) {
    row_dots_of(static_cast<const float*>(a), static_cast<const float*>(b), begin, end, heads, d,
                out);
  } else {
    row_dots_of(static_cast<const std::uint16_t*>(a), static_cast<const std::uint16_t*>(b), begin,
                end, heads, d, out);
  }
}

inline i64 padded_width(i64 d) {
  return (d + kPanel - 1) / kPanel * kPanel;
}

// Keys or values [begin, begin + count) of a head: rows [kKeyBlock, padded], and the panels
// [kKeyBlock / kPanel][d][kPanel] that a product with their transpose reads. Either may be null;
// what is not a key is 0.
template <typename T>
void load_block(const T* from, i64 stride, i64 begin, i64 count, i64 d, float* rows,
                float* panels) {
  const i64 padded = padded_width(d);
  for (i64 j = 0; j < kKeyBlock; ++j) {
    const T* const row = from + (begin + j) * stride;
    float* const column = panels ? panels + j / kPanel * d * kPanel + j % kPanel : nullptr;
    for (i64 i = 0; i < d && column; ++i) column[i * kPanel] = j < count ? get(row + i) : 0.0f;
    if (!rows) continue;
    for (i64 i = 0; i < padded; ++i)
      rows[j * padded + i] = j < count && i < d ? get(row + i) : 0.0f;
  }
}

// The queries of a tile and their gradients: q scaled [rows, padded], dout [rows, padded].
template <typename T>
void load_queries(const AttendGradArgs& g, const AttendTile& t, i64 kv_head, float* q,
                  float* dout) {
  const i64 group = g.heads / g.kv_heads, rows = (t.q_end - t.q_begin) * group,
            padded = padded_width(g.d);
  for (i64 r = 0; r < rows; ++r) {
    const i64 at = (t.q_begin + r / group) * g.heads + kv_head * group + r % group;
    const T* const from = static_cast<const T*>(g.q) + at * g.d;
    const T* const grad = static_cast<const T*>(g.dout) + at * g.d;
    for (i64 i = 0; i < padded; ++i) {
      q[r * padded + i] = i < g.d ? get(from + i) * g.scale : 0.0f;
      dout[r * padded + i] = i < g.d ? get(grad + i) : 0.0f;
    }
  }
}

// Scores of a tile against a block of keys become probabilities, dprobs (dout · vᵀ) become
// gradients of the scores. first: the block's first key, counted from the tile's k_begin; keys
// [low, high) of the block count.
inline void score_grads(const AttendGradArgs& g, const AttendTile& t, i64 kv_head, i64 first,
                        i64 low, i64 high, float* scores, float* dprobs) {
  const i64 group = g.heads / g.kv_heads, rows = (t.q_end - t.q_begin) * group;
  for (i64 r = 0; r < rows; ++r) {
    const i64 query = r / group, at = (t.q_begin + query) * g.heads + kv_head * group + r % group;
    i64 visible = (t.causal ? t.visible + query : t.k_count) - first;
    visible = visible < high ? visible : high;
    float* const s = scores + r * kKeyBlock;
    float* const dp = dprobs + r * kKeyBlock;
    for (i64 i = 0; i < kKeyBlock; ++i) {
      if (i < low || i >= visible) s[i] = kMinusInfinity;
    }
    for (i64 i = 0; i < kKeyBlock; i += kWidth) {
      const Vf p = vexp(load(s + i) - g.lse[at]);
      put(s + i, p);
      put(dp + i, p * (load(dp + i) - g.delta[at]));
    }
  }
}

template <typename T>
void grad_q_tile(const AttendGradArgs& g, const AttendTile& t) {
  static thread_local AttendScratch scratch;
  const i64 group = g.heads / g.kv_heads, queries = t.q_end - t.q_begin, rows = queries * group;
  const i64 d = g.d, padded = padded_width(d), stride = g.kv_heads * d;
  float* const q =
      scratch.reserve(3 * rows * padded + 2 * rows * kKeyBlock + kKeyBlock * (padded + 2 * d));
  float* const dout = q + rows * padded;
  float* const dq = dout + rows * padded;
  float* const scores = dq + rows * padded;
  float* const dprobs = scores + rows * kKeyBlock;
  float* const keys = dprobs + rows * kKeyBlock;        // [kKeyBlock, padded]
  float* const key_panels = keys + kKeyBlock * padded;  // [kKeyBlock / kPanel][d][kPanel]
  float* const value_panels = key_panels + kKeyBlock * d;
  load_queries<T>(g, t, t.kv_head, q, dout);
  for (i64 i = 0; i < rows * padded; ++i) dq[i] = 0;
  const i64 seen =
      t.causal && t.visible + queries - 1 < t.k_count ? t.visible + queries - 1 : t.k_count;
  for (i64 block = 0; block < seen; block += kKeyBlock) {
    const i64 count = seen - block < kKeyBlock ? seen - block : kKeyBlock;
    load_block(static_cast<const T*>(g.k) + t.kv_head * d, stride, t.k_begin + block, count, d,
               keys, key_panels);
    load_block(static_cast<const T*>(g.v) + t.kv_head * d, stride, t.k_begin + block, count, d,
               nullptr, value_panels);
    small_gemm<false>(rows, kKeyBlock, d, q, padded, key_panels, kPanel, d * kPanel, scores,
                      kKeyBlock);
    small_gemm<false>(rows, kKeyBlock, d, dout, padded, value_panels, kPanel, d * kPanel, dprobs,
                      kKeyBlock);
    score_grads(g, t, t.kv_head, block, 0, count, scores, dprobs);
    small_gemm<true>(rows, padded, count, dprobs, kKeyBlock, keys, padded, kPanel, dq, padded);
  }
  for (i64 r = 0; r < rows; ++r) {
    float* const to =
        g.dq + ((t.q_begin + r / group) * g.heads + t.kv_head * group + r % group) * d;
    for (i64 i = 0; i < d; ++i) to[i] += dq[r * padded + i] * g.scale;
  }
}

void attend_grad_q(const AttendGradArgs& g, const AttendTile& t) {
  if (g.storage == Storage::f32) {
    grad_q_tile<float>(g, t);
  } else {
    grad_q_tile<std::uint16_t>(g, t);
  }
}

template <typename T>
void grad_kv_block(const AttendGradArgs& g, const AttendTile* tiles, i64 count, i64 kv_head,
                   i64 k_begin, i64 k_end) {
  static thread_local AttendScratch scratch;
  const i64 group = g.heads / g.kv_heads, d = g.d, padded = padded_width(d),
            stride = g.kv_heads * d;
  i64 most = 0;
  for (i64 i = 0; i < count; ++i) {
    const i64 rows = (tiles[i].q_end - tiles[i].q_begin) * group;
    most = rows > most ? rows : most;
  }
  float* const q =
      scratch.reserve(2 * most * padded + 2 * most * kKeyBlock + kKeyBlock * (2 * padded + 2 * d));
  float* const dout = q + most * padded;
  float* const scores = dout + most * padded;
  float* const dprobs = scores + most * kKeyBlock;
  float* const dk = dprobs + most * kKeyBlock;  // [kKeyBlock, padded]
  float* const dv = dk + kKeyBlock * padded;
  float* const key_panels = dv + kKeyBlock * padded;
  float* const value_panels = key_panels + kKeyBlock * d;
  for (i64 i = 0; i < 2 * kKeyBlock * padded; ++i) dk[i] = 0;
  load_block(static_cast<const T*>(g.k) + kv_head * d, stride, k_begin, k_end - k_begin, d, nullptr,
             key_panels);
  load_block(static_cast<const T*>(g.v) + kv_head * d, stride, k_begin, k_end - k_begin, d, nullptr,
             value_panels);
  for (i64 i = 0; i < count; ++i) {
    const AttendTile& t = tiles[i];
    const i64 queries = t.q_end - t.q_begin, rows = queries * group;
    const i64 seen =
        t.causal && t.visible + queries - 1 < t.k_count ? t.visible + queries - 1 : t.k_count;
    const i64 low = t.k_begin > k_begin ? t.k_begin - k_begin : 0;
    const i64 high = (t.k_begin + seen < k_end ? t.k_begin + seen : k_end) - k_begin;
    if (low >= high) continue;
    load_queries<T>(g, t, kv_head, q, dout);
    small_gemm<false>(rows, kKeyBlock, d, q, padded, key_panels, kPanel, d * kPanel, scores,
                      kKeyBlock);
    small_gemm<false>(rows, kKeyBlock, d, dout, padded, value_panels, kPanel, d * kPanel, dprobs,
                      kKeyBlock);
    score_grads(g, t, kv_head, k_begin - t.k_begin, low, high, scores, dprobs);
    outer_block(kKeyBlock, padded, rows, scores, kKeyBlock, dout, padded, dv, padded);
    outer_block(kKeyBlock, padded, rows, dprobs, kKeyBlock, q, padded, dk, padded);
  }
  for (i64 j = 0; j < k_end - k_begin; ++j) {
    const i64 at = ((k_begin + j) * g.kv_heads + kv_head) * d;
    for (i64 i = 0; i < d; ++i) g.dk[at + i] += dk[j * padded + i];
    for (i64 i = 0; i < d; ++i) g.dv[at + i] += dv[j * padded + i];
  }
}

void attend_grad_kv(const AttendGradArgs& g, const AttendTile* tiles, i64 count, i64 kv_head,
                    i64 k_begin, i64 k_end) {
  if (g.storage == Storage::f32) {
    grad_kv_block<float>(g, tiles, count, kv_head, k_begin, k_end);
  } else {
    grad_kv_block<std::uint16_t>(g, tiles, count, kv_head, k_begin, k_end);
  }
}

// ---- rotary embedding, norm, gate, loss ----

template <typename T>
void rope_grad_rows(const float* dq, const float* dk, const float* dv, const float* cos_sin,
                    const i64* position, const i64* kv_row, i64 rows, i64 heads, i64 kv_heads,
                    i64 d, T* dqkv) {
  const i64 half = d / 2;
  // y = (a c - b s, b c + a s) has the gradient (da c + db s, db c - da s).
  const auto turn_back = [&](const float* grad, const float* cosine, T* out) {
    const float* const sine = cosine + half;
    i64 i = 0;
    for (; i + kWidth <= half; i += kWidth) {
      const Vf a = load(grad + i), b = load(grad + half + i), c = load(cosine + i),
               s = load(sine + i);
      put(out + i, a * c + b * s);
      put(out + half + i, b * c - a * s);
    }
    for (; i < half; ++i) {
      set(out + i, grad[i] * cosine[i] + grad[half + i] * sine[i]);
      set(out + half + i, grad[half + i] * cosine[i] - grad[i] * sine[i]);
    }
  };
  for (i64 r = 0; r < rows; ++r) {
    T* const out = dqkv + r * (heads + 2 * kv_heads) * d;
    const float* const cosine = cos_sin + position[r] * d;
    for (i64 h = 0; h < heads; ++h) turn_back(dq + (r * heads + h) * d, cosine, out + h * d);
    const float* const k = dk + kv_row[r] * kv_heads * d;
    for (i64 h = 0; h < kv_heads; ++h) turn_back(k + h * d, cosine, out + (heads + h) * d);
    const float* const v = dv + kv_row[r] * kv_heads * d;
    for (i64 i = 0; i < kv_heads * d; ++i) set(out + (heads + kv_heads) * d + i, v[i]);
  }
}

void rope_grad(Storage storage, const float* dq, const float* dk, const float* dv,
               const float* cos_sin, const i64* position, const i64* kv_row, i64 rows, i64 heads,
               i64 kv_heads, i64 d, void* dqkv) {
  if (storage == Storage::f32) {
    rope_grad_rows(dq, dk, dv, cos_sin, position, kv_row, rows, heads, kv_heads, d,
                   static_cast<float*>(dqkv));
  } else {
    rope_grad_rows(dq, dk, dv, cos_sin, position, kv_row, rows, heads, kv_heads, d,
                   static_cast<std::uint16_t*>(dqkv));
  }
}

template <typename T>
void rms_norm_grad_rows(const T* x, const T* weight, float eps, const T* dy, const T* add, i64 rows,
                        i64 columns, T* dx) {
  for (i64 r = 0; r < rows; ++r, x += columns, dy += columns, dx += columns) {
    Vf squares = {}, dots = {};
    float square_tail = 0, dot_tail = 0;
    i64 i = 0;
    for (; i + kWidth <= columns; i += kWidth) {
      const Vf v = load(x + i);
      squares += v * v;
      dots += v * load(weight + i) * load(dy + i);
    }
    for (; i < columns; ++i) {
      square_tail += get(x + i) * get(x + i);
      dot_tail += get(x + i) * get(weight + i) * get(dy + i);
    }
    const float count = static_cast<float>(columns);
    const float factor = 1.0f / __builtin_sqrtf((reduce_add(squares) + square_tail) / count + eps);
    const float pull = (reduce_add(dots) + dot_tail) * factor * factor * factor / count;
    for (i = 0; i + kWidth <= columns; i += kWidth) {
      const Vf grad = load(weight + i) * load(dy + i) * factor - load(x + i) * pull;
      put(dx + i, add ? load(add + i) + grad : grad);
    }
    for (; i < columns; ++i) {
      const float grad = get(weight + i) * get(dy + i) * factor - get(x + i) * pull;
      set(dx + i, add ? get(add + i) + grad : grad);
    }
    if (add) add += columns;
  }
}

void rms_norm_grad(Storage storage, const void* x, const void* weight, float eps, const void* dy,
                   const void* add, i64 rows, i64 columns, void* dx) {
  const auto run = [&]<typename T>(T*) {
    rms_norm_grad_rows(static_cast<const T*>(x), static_cast<const T*>(weight), eps,
                       static_cast<const T*>(dy), static_cast<const T*>(add), rows, columns,
                       static_cast<T*>(dx));
  };
  if (storage == Storage::f32) {
    run(static_cast<float*>(nullptr));
  } else {
    run(static_cast<std::uint16_t*>(nullptr));
  }
}

template <typename T>
void silu_mul_grad_rows(const T* pair, const T* dproduct, i64 rows, i64 n, T* product, T* dpair) {
  for (i64 r = 0; r < rows; ++r) {
    const T* const gate = pair + r * 2 * n;
    const T* const up = gate + n;
    const auto step = [&](Vf g, Vf u, Vf dp, i64 at, i64 count) {
      const Vf sigmoid = 1.0f / (1.0f + vexp(-g));
      const Vf silu = g * sigmoid;
      if (product) put_some(product + r * n + at, g / (1.0f + vexp(-g)) * u, count);
      if (!dpair) return;
      put_some(dpair + r * 2 * n + at, dp * u * sigmoid * (1.0f + g * (1.0f - sigmoid)), count);
      put_some(dpair + r * 2 * n + n + at, dp * silu, count);
    };
    i64 i = 0;
    for (; i + kWidth <= n; i += kWidth) {
      step(load(gate + i), load(up + i), dproduct ? load(dproduct + r * n + i) : Vf{}, i, kWidth);
    }
    if (i < n) {
      Vf g = {}, u = {}, dp = {};
      for (i64 j = 0; i + j < n; ++j) {
        g[j] = get(gate + i + j);
        u[j] = get(up + i + j);
        dp[j] = dproduct ? get(dproduct + r * n + i + j) : 0.0f;
      }
      step(g, u, dp, i, n - i);
    }
  }
}

void silu_mul_grad(Storage storage, const void* pair, const void* dproduct, i64 rows, i64 n,
                   void* product, void* dpair) {
  const auto run = [&]<typename T>(T*) {
    silu_mul_grad_rows(static_cast<const T*>(pair), static_cast<const T*>(dproduct), rows, n,
                       static_cast<T*>(product), static_cast<T*>(dpair));
  };
  if (storage == Storage::f32) {
    run(static_cast<float*>(nullptr));
  } else {
    run(static_cast<std::uint16_t*>(nullptr));
  }
}

void cross_entropy_grad(float* logits, i64 n, i64 target, float log_sum_exp_of_row, float weight) {
  i64 i = 0;
  for (; i + kWidth <= n; i += kWidth)
    put(logits + i, vexp(load(logits + i) - log_sum_exp_of_row) * weight);
  for (; i < n; ++i) logits[i] = vexp(splat(logits[i] - log_sum_exp_of_row))[0] * weight;
  logits[target] -= weight;
}

// Eight calls of philox4x32-10 side by side give the 64 times 16 bits of a word.
inline std::uint64_t dropout_word(const std::uint32_t* key, std::uint32_t first,
                                  std::uint32_t position, std::uint64_t sample,
                                  std::uint32_t threshold) {
  std::uint32_t c0[8], c1[8], c2[8], c3[8];
  for (std::uint32_t i = 0; i < 8; ++i) {
    c0[i] = first + i;
    c1[i] = position;
    c2[i] = static_cast<std::uint32_t>(sample);
    c3[i] = static_cast<std::uint32_t>(sample >> 32);
  }
  std::uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 8; ++i) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0[i],
                          p1 = std::uint64_t{0xCD9E8D57} * c2[i];
      c0[i] = static_cast<std::uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
      c1[i] = static_cast<std::uint32_t>(p1);
      c2[i] = static_cast<std::uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
      c3[i] = static_cast<std::uint32_t>(p0);
    }
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  std::uint64_t word = 0;
  for (int i = 0; i < 8; ++i) {
    const std::uint32_t words[4] = {c0[i], c1[i], c2[i], c3[i]};
    std::uint64_t byte = 0;
    for (int j = 0; j < 4; ++j) {
      byte |= std::uint64_t{(words[j] & 0xFFFF) >= threshold} << (2 * j);
      byte |= std::uint64_t{(words[j] >> 16) >= threshold} << (2 * j + 1);
    }
    word |= byte << (8 * i);
  }
  return word;
}

void dropout_mask(const std::uint32_t* key, const i64* sample, const i64* position, i64 module,
                  i64 columns, std::uint32_t threshold, i64 begin, i64 end, std::uint64_t* bits) {
  const i64 words = (columns + 63) / 64;
  for (i64 row = begin; row < end; ++row) {
    for (i64 word = 0; word < words; ++word) {
      const auto first = static_cast<std::uint32_t>((module << 20) + 8 * word);
      bits[row * words + word] = dropout_word(key, first, static_cast<std::uint32_t>(position[row]),
                                              static_cast<std::uint64_t>(sample[row]), threshold);
    }
  }
}

BackwardKernels make_backward() {
  return {kWidth,
          kKeyBlock,
          skinny,
          input_grad,
          outer,
          row_dots,
          attend_grad_q,
          attend_grad_kv,
          rope_grad,
          rms_norm_grad,
          silu_mul_grad,
          dropout_mask,
          cross_entropy_grad};
}

}  // namespace
}  // namespace tradeoff::model::cpu
