#pragma once
// The one source of the CPU kernels, written with the compiler's vector extension. The including
// file sets, in namespace tradeoff::model::cpu and before this line: kWidth (floats of a vector),
// kTileRows (rows of a register tile) and kPairDot (true where dot_pairs(acc, pair, pair) of two
// bf16 pairs exists). Everything here has internal linkage: the files are compiled with different
// instruction sets.
#include <cstdint>
#include <cstring>

#include "kernels.hpp"

namespace tradeoff::model::cpu {
namespace {

typedef float Vf __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef std::int32_t Vi __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef std::uint32_t Vu __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef std::uint16_t Vh __attribute__((vector_size(kWidth * 2), aligned(2), may_alias));
using i64 = std::int64_t;

constexpr i64 kPanel = 2 * kWidth;  // columns of a packed panel
constexpr i64 kRowBlock = 96;       // rows whose bf16 → f32 copy is kept while panels stream by

inline Vf load(const float* p) {
  return *reinterpret_cast<const Vf*>(p);
}
inline void put(float* p, Vf v) {
  *reinterpret_cast<Vf*>(p) = v;
}
// x - 0 is x for every x (x + 0 is not, for -0), so the compiler makes it one broadcast.
inline Vf splat(float x) {
  return x - Vf{};
}

inline float widen(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, 4);
  return value;
}
// Round to nearest even, NaN kept quiet, as PyTorch does.
inline std::uint16_t narrow(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (value != value) return 0x7FC0;
  return static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}
inline Vf load(const std::uint16_t* p) {
  const Vh half = *reinterpret_cast<const Vh*>(p);
  return reinterpret_cast<Vf>(__builtin_convertvector(half, Vu) << 16);
}
inline void put(std::uint16_t* p, Vf v) {
  const Vu bits = reinterpret_cast<Vu>(v);
  const Vu rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  const Vu nan = reinterpret_cast<Vu>(v != v);
  *reinterpret_cast<Vh*>(p) = __builtin_convertvector((rounded & ~nan) | (nan & 0x7FC0), Vh);
}
inline float get(const float* p) {
  return *p;
}
inline float get(const std::uint16_t* p) {
  return widen(*p);
}
inline void set(float* p, float v) {
  *p = v;
}
inline void set(std::uint16_t* p, float v) {
  *p = narrow(v);
}

inline Vf vmax(Vf a, Vf b) {
  return a > b ? a : b;
}
inline float reduce_add(Vf v) {
  float sum = 0;
  for (int i = 0; i < kWidth; ++i) sum += v[i];
  return sum;
}
inline float reduce_max(Vf v) {
  float best = v[0];
  for (int i = 1; i < kWidth; ++i) best = v[i] > best ? v[i] : best;
  return best;
}

// e^x by 2^n · p(r), |r| ≤ ln2/2, degree 6 (relative error below 2e-7); x below -87 gives 0
// exactly.
inline Vf vexp(Vf x) {
  const Vf clamped = x < splat(-87.0f) ? splat(-87.0f) : (x > splat(88.0f) ? splat(88.0f) : x);
  const Vf magic = splat(12582912.0f);
  const Vf n = (clamped * 1.44269504088896341f + magic) - magic;
  const Vf r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  Vf p = splat(1.3981999507e-3f);
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const Vi shift = __builtin_convertvector(n, Vi) << 23;
  const Vf result = reinterpret_cast<Vf>(reinterpret_cast<Vi>(p) + shift);
  return x < splat(-87.0f) ? Vf{} : result;
}

// ---- products ----

// acc[r][0..1] += a[r, :] · panel over k. b: [k][kPanel] floats, rows ldb apart.
template <int R>
inline void accumulate(Vf (&acc)[R][2], const float* a, i64 lda, const float* b, i64 ldb, i64 k) {
  for (i64 i = 0; i < k; ++i, b += ldb) {
    const Vf b0 = load(b), b1 = load(b + kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vf x = splat(a[r * lda + i]);
      acc[r][0] += x * b0;
      acc[r][1] += x * b1;
    }
  }
}

// The same with b in bf16 pairs [k/2][kPanel][2] and a widened to floats; k is even.
template <int R>
inline void accumulate_widened(Vf (&acc)[R][2], const float* a, i64 lda, const std::uint16_t* b,
                               i64 k) {
  for (i64 i = 0; i < k; i += 2, b += 2 * kPanel) {
    const Vu raw0 = *reinterpret_cast<const Vu*>(b);
    const Vu raw1 = *reinterpret_cast<const Vu*>(b + kPanel);
    const Vf even0 = reinterpret_cast<Vf>(raw0 << 16), even1 = reinterpret_cast<Vf>(raw1 << 16);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vf x = splat(a[r * lda + i]);
      acc[r][0] += x * even0;
      acc[r][1] += x * even1;
    }
    const Vf odd0 = reinterpret_cast<Vf>(raw0 & 0xFFFF0000u);
    const Vf odd1 = reinterpret_cast<Vf>(raw1 & 0xFFFF0000u);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vf x = splat(a[r * lda + i + 1]);
      acc[r][0] += x * odd0;
      acc[r][1] += x * odd1;
    }
  }
}

#if defined(TRADEOFF_PAIR_DOT)
// The same with both in bf16 pairs and the processor's pair dot product.
template <int R>
inline void accumulate_pairs(Vf (&acc)[R][2], const std::uint16_t* a, i64 lda,
                             const std::uint16_t* b, i64 k) {
  for (i64 i = 0; i < k; i += 2, b += 2 * kPanel) {
    const Vu b0 = *reinterpret_cast<const Vu*>(b);
    const Vu b1 = *reinterpret_cast<const Vu*>(b + kPanel);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      std::uint32_t pair;
      std::memcpy(&pair, a + r * lda + i, 4);
      const Vu x = pair - Vu{};
      acc[r][0] = dot_pairs(acc[r][0], x, b0);
      acc[r][1] = dot_pairs(acc[r][1], x, b1);
    }
  }
}
#endif

template <typename Out>
inline void put_some(Out* out, Vf value, i64 count) {
  if (count >= kWidth) return put(out, value);
  for (i64 i = 0; i < count; ++i) set(out + i, value[i]);
}

template <typename Out>
inline void store_columns(Out* out, const Out* residual, Vf low, Vf high, i64 count) {
  if (count >= kPanel) {
    if (residual) {
      low += load(residual);
      high += load(residual + kWidth);
    }
    put(out, low);
    put(out + kWidth, high);
    return;
  }
  float values[kPanel];
  put(values, low);
  put(values + kWidth, high);
  for (i64 i = 0; i < count; ++i) set(out + i, values[i] + (residual ? get(residual + i) : 0.0f));
}

template <typename Out, int R>
inline void finish_tile(const GemmArgs& g, Vf (&acc)[R][2], i64 row, i64 panel) {
  Out* const out = static_cast<Out*>(g.out) + row * g.ldo;
  if (g.epilogue == Epilogue::silu_mul) {
    const i64 column = panel * kWidth, count = g.n - column;
    for (int r = 0; r < R; ++r) {
      const Vf gate = acc[r][0];
      const Vf value = gate / (1.0f + vexp(-gate)) * acc[r][1];
      put_some(out + r * g.ldo + column, value, count);
      if (g.pair) {
        Out* const p = static_cast<Out*>(g.pair) + (row + r) * 2 * g.n + column;
        put_some(p, gate, count);
        put_some(p + g.n, acc[r][1], count);
      }
    }
    return;
  }
  const i64 column = panel * kPanel;
  const Out* const residual = g.epilogue == Epilogue::add
                                  ? static_cast<const Out*>(g.residual) + row * g.ldo + column
                                  : nullptr;
  for (int r = 0; r < R; ++r) {
    store_columns(out + r * g.ldo + column, residual ? residual + r * g.ldo : nullptr, acc[r][0],
                  acc[r][1], g.n - column);
  }
}

// A row block of one operand in the form the tile loop reads: floats, or bf16 pairs for the pair
// dot product.
template <typename A>
struct Rows {
  const A* a = nullptr;
  i64 lda = 0, k = 0;  // k rounded up to even for bf16 panels
};

// One step of a panel: operand columns [begin, end), added to the partial sums of the rows before
// it.
struct Step {
  bool low_rank = false, first = false, last = false;
  i64 begin = 0, end = 0;
};

template <typename A, typename B, typename Out, int R>
inline void gemm_tile(const GemmArgs& g, const Rows<A>& rows, const Step& step, i64 local_row,
                      i64 row, i64 panel, float* partial) {
  Vf acc[R][2];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    acc[r][0] = step.first ? Vf{} : load(partial + r * kPanel);
    acc[r][1] = step.first ? Vf{} : load(partial + r * kPanel + kWidth);
  }
  const A* const a = rows.a + local_row * rows.lda + step.begin;
  const B* const b =
      static_cast<const B*>(g.main.b) + panel * kPanel * rows.k + step.begin * kPanel;
  const i64 depth = step.end - step.begin;
  if (step.low_rank) {
    const Operand& extra = g.low_rank;
    accumulate<R>(acc, static_cast<const float*>(extra.a) + row * extra.lda, extra.lda,
                  static_cast<const float*>(extra.b) + panel * kPanel * extra.k, kPanel, extra.k);
  } else if constexpr (sizeof(B) == 4) {
    accumulate<R>(acc, a, rows.lda, b, kPanel, depth);
  } else if constexpr (sizeof(A) == 4) {
    accumulate_widened<R>(acc, a, rows.lda, b, depth);
  } else {
#if defined(TRADEOFF_PAIR_DOT)
    accumulate_pairs<R>(acc, a, rows.lda, b, depth);
#endif
  }
  if (step.last) return finish_tile<Out, R>(g, acc, row, panel);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    put(partial + r * kPanel, acc[r][0]);
    put(partial + r * kPanel + kWidth, acc[r][1]);
  }
}

template <typename A, typename B, typename Out, int R>
inline void gemm_tail(const GemmArgs& g, const Rows<A>& operand, const Step& step, i64 rows,
                      i64 local_row, i64 row, i64 panel, float* partial) {
  if constexpr (R > 0) {
    if (rows == R) {
      gemm_tile<A, B, Out, R>(g, operand, step, local_row, row, panel, partial);
    } else {
      gemm_tail<A, B, Out, R - 1>(g, operand, step, rows, local_row, row, panel, partial);
    }
  }
}

inline i64 even(i64 k) {
  return (k + 1) & ~i64{1};
}

// Rows [begin, begin + count) of an operand, copied to `scratch` where the tile loop needs another
// form: bf16 widened to floats, or an odd k padded to the even k of bf16 panels.
template <typename A, typename B>
Rows<A> prepare_rows(const Operand& operand, Storage in, i64 begin, i64 count, float* scratch) {
  if (operand.k == 0) return {};
  const i64 k = sizeof(B) == 4 ? operand.k : even(operand.k);
  const auto copy = [&](const auto* source) -> Rows<A> {
    A* const to = reinterpret_cast<A*>(scratch);
    for (i64 r = 0; r < count; ++r) {
      const auto* const from = source + r * operand.lda;
      i64 i = 0;
      if constexpr (sizeof(A) == sizeof(*source)) {
        std::memcpy(to + r * k, from, operand.k * sizeof(A));
        i = operand.k;
      } else {
        for (; i + kWidth <= operand.k; i += kWidth) put(to + r * k + i, load(from + i));
        for (; i < operand.k; ++i) to[r * k + i] = widen(from[i]);
      }
      for (; i < k; ++i) to[r * k + i] = 0;
    }
    return {to, k, k};
  };
  if (in == Storage::f32) {
    if constexpr (sizeof(A) == 4) {
      const float* const source = static_cast<const float*>(operand.a) + begin * operand.lda;
      return k == operand.k ? Rows<A>{source, operand.lda, k} : copy(source);
    }
    __builtin_unreachable();
  }
  const auto* const source = static_cast<const std::uint16_t*>(operand.a) + begin * operand.lda;
  if constexpr (sizeof(A) == 2) {
    if (k == operand.k) return {source, operand.lda, k};
  }
  return copy(source);
}

// A step's slice of a panel stays in the first-level cache while the rows of a block pass over it.
constexpr i64 kStepBytes = 32768;

template <typename A, typename B, typename Out>
void gemm_blocks(const GemmArgs& g, i64 m_begin, i64 m_end, i64 panel_begin, i64 panel_end) {
  const bool copies = g.in == Storage::bf16 || (sizeof(B) == 2 && (g.main.k & 1));
  float* const scratch = copies ? new float[kRowBlock * even(g.main.k)] : nullptr;
  float partial[kRowBlock * kPanel];
  constexpr i64 kDepth = kStepBytes / (kPanel * static_cast<i64>(sizeof(B)));
  for (i64 block = m_begin; block < m_end; block += kRowBlock) {
    const i64 rows = m_end - block < kRowBlock ? m_end - block : kRowBlock;
    const Rows<A> main = prepare_rows<A, B>(g.main, g.in, block, rows, scratch);
    const auto run = [&](const Step& step, i64 panel) {
      i64 r = 0;
      for (; r + kTileRows <= rows; r += kTileRows) {
        gemm_tile<A, B, Out, kTileRows>(g, main, step, r, block + r, panel, partial + r * kPanel);
      }
      gemm_tail<A, B, Out, kTileRows - 1>(g, main, step, rows - r, r, block + r, panel,
                                          partial + r * kPanel);
    };
    for (i64 panel = panel_begin; panel < panel_end; ++panel) {
      for (i64 begin = 0; begin < main.k; begin += kDepth) {
        const i64 end = main.k - begin < kDepth ? main.k : begin + kDepth;
        run({false, begin == 0, end == main.k && g.low_rank.k == 0, begin, end}, panel);
      }
      if (g.low_rank.k > 0) run({true, false, true, 0, 0}, panel);
    }
  }
  delete[] scratch;
}

void gemm(const GemmArgs& g, i64 m_begin, i64 m_end, i64 panel_begin, i64 panel_end) {
  using Half = std::uint16_t;
  if (g.weights == Storage::f32) {
    gemm_blocks<float, float, float>(g, m_begin, m_end, panel_begin, panel_end);
  } else if (g.in == Storage::f32) {
    gemm_blocks<float, Half, float>(g, m_begin, m_end, panel_begin, panel_end);
  } else if (g.out_storage == Storage::f32) {
    gemm_blocks<HalfOperand, Half, float>(g, m_begin, m_end, panel_begin, panel_end);
  } else {
    gemm_blocks<HalfOperand, Half, Half>(g, m_begin, m_end, panel_begin, panel_end);
  }
}

// ---- packing ----

i64 packed_size(Storage storage, i64 n, i64 k) {
  const i64 panels = (n + kPanel - 1) / kPanel;
  return panels * kPanel * (storage == Storage::f32 ? k : even(k));
}

template <typename T>
void pack_panels(const T* w, const T* up, i64 n, i64 k, i64 begin, i64 end, T* packed, bool pairs) {
  const i64 depth = pairs ? even(k) : k;
  for (i64 panel = begin; panel < end; ++panel) {
    T* const out = packed + panel * kPanel * depth;
    for (i64 c = 0; c < kPanel; ++c) {
      const T* row = nullptr;
      if (up) {
        const i64 column = panel * kWidth + c % kWidth;
        if (column < n) row = (c < kWidth ? w : up) + column * k;
      } else if (panel * kPanel + c < n) {
        row = w + (panel * kPanel + c) * k;
      }
      for (i64 i = 0; i < depth; ++i) {
        const T value = row && i < k ? row[i] : T{};
        out[pairs ? (i / 2 * kPanel + c) * 2 + i % 2 : i * kPanel + c] = value;
      }
    }
  }
}

void pack(Storage storage, const void* w, const void* up, i64 n, i64 k, i64 begin, i64 end,
          void* packed) {
  if (storage == Storage::f32) {
    pack_panels(static_cast<const float*>(w), static_cast<const float*>(up), n, k, begin, end,
                static_cast<float*>(packed), false);
  } else {
    pack_panels(static_cast<const std::uint16_t*>(w), static_cast<const std::uint16_t*>(up), n, k,
                begin, end, static_cast<std::uint16_t*>(packed), true);
  }
}

// ---- normalisation and rotary embedding ----

template <typename T>
void rms_norm_rows(const T* x, const T* weight, float eps, i64 rows, i64 columns, T* out) {
  for (i64 r = 0; r < rows; ++r, x += columns, out += columns) {
    Vf squares = {};
    float tail = 0;
    i64 i = 0;
    for (; i + kWidth <= columns; i += kWidth) {
      const Vf v = load(x + i);
      squares += v * v;
    }
    for (; i < columns; ++i) tail += get(x + i) * get(x + i);
    const float mean = (reduce_add(squares) + tail) / static_cast<float>(columns);
    const float factor = 1.0f / __builtin_sqrtf(mean + eps);
    for (i = 0; i + kWidth <= columns; i += kWidth)
      put(out + i, load(x + i) * factor * load(weight + i));
    for (; i < columns; ++i) set(out + i, get(x + i) * factor * get(weight + i));
  }
}

void rms_norm(Storage storage, const void* x, const void* weight, float eps, i64 rows, i64 columns,
              void* out) {
  if (storage == Storage::f32) {
    rms_norm_rows(static_cast<const float*>(x), static_cast<const float*>(weight), eps, rows,
                  columns, static_cast<float*>(out));
  } else {
    rms_norm_rows(static_cast<const std::uint16_t*>(x), static_cast<const std::uint16_t*>(weight),
                  eps, rows, columns, static_cast<std::uint16_t*>(out));
  }
}

template <typename T>
void rotate_head(const T* x, const float* cosine, const float* sine, i64 half, T* out) {
  i64 i = 0;
  for (; i + kWidth <= half; i += kWidth) {
    const Vf a = load(x + i), b = load(x + half + i), c = load(cosine + i), s = load(sine + i);
    put(out + i, a * c - b * s);
    put(out + half + i, b * c + a * s);
  }
  for (; i < half; ++i) {
    const float a = get(x + i), b = get(x + half + i);
    set(out + i, a * cosine[i] - b * sine[i]);
    set(out + half + i, b * cosine[i] + a * sine[i]);
  }
}

template <typename T>
void rope_rows(const T* qkv, const float* cos_sin, const i64* position, const i64* kv_row, i64 rows,
               i64 heads, i64 kv_heads, i64 d, T* q, T* k, T* v) {
  const i64 stride = (heads + 2 * kv_heads) * d, half = d / 2;
  for (i64 r = 0; r < rows; ++r) {
    const T* const row = qkv + r * stride;
    const float* const cosine = cos_sin + position[r] * d;
    T* const k_out = k + kv_row[r] * kv_heads * d;
    for (i64 h = 0; h < heads; ++h)
      rotate_head(row + h * d, cosine, cosine + half, half, q + (r * heads + h) * d);
    for (i64 h = 0; h < kv_heads; ++h)
      rotate_head(row + (heads + h) * d, cosine, cosine + half, half, k_out + h * d);
    std::memcpy(v + kv_row[r] * kv_heads * d, row + (heads + kv_heads) * d,
                kv_heads * d * sizeof(T));
  }
}

void rope_scatter(Storage storage, const void* qkv, const float* cos_sin, const i64* position,
                  const i64* kv_row, i64 rows, i64 heads, i64 kv_heads, i64 d, void* q, void* k,
                  void* v) {
  if (storage == Storage::f32) {
    rope_rows(static_cast<const float*>(qkv), cos_sin, position, kv_row, rows, heads, kv_heads, d,
              static_cast<float*>(q), static_cast<float*>(k), static_cast<float*>(v));
  } else {
    rope_rows(static_cast<const std::uint16_t*>(qkv), cos_sin, position, kv_row, rows, heads,
              kv_heads, d, static_cast<std::uint16_t*>(q), static_cast<std::uint16_t*>(k),
              static_cast<std::uint16_t*>(v));
  }
}

// ---- attention ----

constexpr i64 kKeyBlock = 64;
constexpr float kMinusInfinity = -__builtin_inff();

// Buffers of one attention tile, on the heap once per thread.
struct AttendScratch {
  float* memory = nullptr;
  i64 size = 0;
  ~AttendScratch() { delete[] memory; }
  float* reserve(i64 floats) {
    if (floats > size) {
      delete[] memory;
      memory = new float[floats];
      size = floats;
    }
    return memory;
  }
};

// c[r, 0..n) (+)= a[r, :] · b, n a multiple of kPanel, rows of c ldc apart.
template <bool kAdd, int R>
inline void small_tile(const float* a, i64 lda, const float* b, i64 ldb, i64 k, float* c, i64 ldc) {
  Vf acc[R][2];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    acc[r][0] = kAdd ? load(c + r * ldc) : Vf{};
    acc[r][1] = kAdd ? load(c + r * ldc + kWidth) : Vf{};
  }
  accumulate<R>(acc, a, lda, b, ldb, k);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    put(c + r * ldc, acc[r][0]);
    put(c + r * ldc + kWidth, acc[r][1]);
  }
}

template <bool kAdd, int R>
inline void small_tail(i64 rows, const float* a, i64 lda, const float* b, i64 ldb, i64 k, float* c,
                       i64 ldc) {
  if constexpr (R > 0) {
    if (rows == R) {
      small_tile<kAdd, R>(a, lda, b, ldb, k, c, ldc);
    } else {
      small_tail<kAdd, R - 1>(rows, a, lda, b, ldb, k, c, ldc);
    }
  }
}

template <bool kAdd>
void small_gemm(i64 rows, i64 n, i64 k, const float* a, i64 lda, const float* b, i64 ldb,
                i64 panel_stride, float* c, i64 ldc) {
  for (i64 column = 0; column < n; column += kPanel) {
    const float* const panel = b + column / kPanel * panel_stride;
    i64 r = 0;
    for (; r + kTileRows <= rows; r += kTileRows) {
      small_tile<kAdd, kTileRows>(a + r * lda, lda, panel, ldb, k, c + r * ldc + column, ldc);
    }
    small_tail<kAdd, kTileRows - 1>(rows - r, a + r * lda, lda, panel, ldb, k, c + r * ldc + column,
                                    ldc);
  }
}

// One row of scores: softmax step against the running maximum and sum, in place; returns the factor
// of the old sums.
inline float softmax_row(float* s, i64 visible, float& row_max, float& row_sum) {
  for (i64 i = visible; i < kKeyBlock; ++i) s[i] = kMinusInfinity;
  Vf best = splat(kMinusInfinity);
  for (i64 i = 0; i < kKeyBlock; i += kWidth) best = vmax(best, load(s + i));
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
        scores[j] = (reduce_add(sum) + tail) * g.scale;
      }
      const float factor = softmax_row(scores, count, g.row_max[at], g.row_sum[at]);
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
  static thread_local AttendScratch scratch;
  const i64 group = g.heads / g.kv_heads, queries = t.q_end - t.q_begin, rows = queries * group;
  const i64 d = g.d, padded = (d + kPanel - 1) / kPanel * kPanel, kv_stride = g.kv_heads * d;
  float* const q =
      scratch.reserve(rows * d + rows * padded + rows * kKeyBlock + kKeyBlock * (d + padded));
  float* const acc = q + rows * d;                // [rows, padded]
  float* const scores = acc + rows * padded;      // [rows, kKeyBlock]
  float* const keys = scores + rows * kKeyBlock;  // panels [kKeyBlock / kPanel][d][kPanel]
  float* const values = keys + kKeyBlock * d;     // [kKeyBlock, padded]

  const i64 head = t.kv_head * group;
  for (i64 r = 0; r < rows; ++r) {
    const i64 query = t.q_begin + r / group, h = head + r % group;
    const T* const from = static_cast<const T*>(g.q) + (query * g.heads + h) * d;
    const float* const old = g.acc + (query * g.heads + h) * d;
    for (i64 i = 0; i < d; ++i) q[r * d + i] = get(from + i) * g.scale;
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
    for (i64 j = 0; j < kKeyBlock; ++j) {
      float* const column = keys + j / kPanel * d * kPanel + j % kPanel;
      float* const value = values + j * padded;
      if (j < count) {
        for (i64 i = 0; i < d; ++i) column[i * kPanel] = get(k + j * kv_stride + i);
        for (i64 i = 0; i < d; ++i) value[i] = get(v + j * kv_stride + i);
        for (i64 i = d; i < padded; ++i) value[i] = 0;
      } else {
        for (i64 i = 0; i < d; ++i) column[i * kPanel] = 0;
        for (i64 i = 0; i < padded; ++i) value[i] = 0;
      }
    }
    small_gemm<false>(rows, kKeyBlock, d, q, d, keys, kPanel, d * kPanel, scores, kKeyBlock);
    for (i64 r = 0; r < rows; ++r) {
      const i64 query = r / group, at = (t.q_begin + query) * g.heads + head + r % group;
      i64 visible = t.causal ? t.visible + query - block : count;
      visible = visible < 0 ? 0 : (visible > count ? count : visible);
      const float factor =
          softmax_row(scores + r * kKeyBlock, visible, g.row_max[at], g.row_sum[at]);
      if (factor != 1.0f) {
        for (i64 i = 0; i < padded; i += kWidth)
          put(acc + r * padded + i, load(acc + r * padded + i) * factor);
      }
    }
    small_gemm<true>(rows, padded, count, scores, kKeyBlock, values, padded, kPanel, acc, padded);
  }
  for (i64 r = 0; r < rows; ++r) {
    const i64 at = (t.q_begin + r / group) * g.heads + head + r % group;
    std::memcpy(g.acc + at * d, acc + r * padded, d * sizeof(float));
  }
}

void attend(const AttendArgs& g, const AttendTile& t) {
  if (g.storage == Storage::f32) {
    attend_tile<float>(g, t);
  } else {
    attend_tile<std::uint16_t>(g, t);
  }
}

template <typename T>
void finish_rows(const AttendArgs& g, i64 begin, i64 end, T* out) {
  for (i64 at = begin * g.heads; at < end * g.heads; ++at) {
    const float factor = g.row_sum[at] > 0 ? 1.0f / g.row_sum[at] : 0.0f;
    for (i64 i = 0; i < g.d; ++i) set(out + at * g.d + i, g.acc[at * g.d + i] * factor);
  }
}

void attend_finish(const AttendArgs& g, i64 begin, i64 end, void* out) {
  if (g.storage == Storage::f32) {
    finish_rows(g, begin, end, static_cast<float*>(out));
  } else {
    finish_rows(g, begin, end, static_cast<std::uint16_t*>(out));
  }
}

// ---- logits ----

float log_sum_exp(const float* row, i64 n) {
  float highest = kMinusInfinity;
  for (i64 i = 0; i < n; ++i) highest = row[i] > highest ? row[i] : highest;
  // Blocks of partial sums keep the error small over a large vocabulary.
  double total = 0;
  i64 i = 0;
  while (i + kWidth <= n) {
    Vf sum = {};
    for (i64 step = 0; step < 64 && i + kWidth <= n; ++step, i += kWidth)
      sum += vexp(load(row + i) - highest);
    total += reduce_add(sum);
  }
  for (; i < n; ++i) total += vexp(splat(row[i] - highest))[0];
  return highest + static_cast<float>(__builtin_log(total));
}

i64 argmax(const float* row, i64 n) {
  i64 best = 0;
  for (i64 i = 1; i < n; ++i) {
    if (row[i] > row[best]) best = i;
  }
  return best;
}

Kernels make_kernels(const char* name) {
  return {name,         kPanel, packed_size,   pack,        gemm,  rms_norm,
          rope_scatter, attend, attend_finish, log_sum_exp, argmax};
}

}  // namespace
}  // namespace tradeoff::model::cpu
