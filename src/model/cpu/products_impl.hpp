#pragma once
// Products with packed weights, LoRA's update in the same sums, and the packing.
#include <cstdint>
#include <cstring>

#include "kernels.hpp"

#include "words_impl.hpp"

namespace tradeoff::model::cpu {
namespace {

constexpr i64 kRowBlock = 96;  // rows whose bf16 → f32 copy is kept while panels stream by

// accumulate() with b in bf16 pairs [k/2][kPanel][2] and a widened to floats; k is even.
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

// `count` numbers from `from` on, 0 beyond them; all 0 where there are none.
inline Vf load_some(const float* from, i64 count) {
  if (!from) return Vf{};
  if (count >= kWidth) return load(from);
  Vf values = {};
  for (i64 i = 0; i < count; ++i) values[i] = from[i];
  return values;
}

// Rows of finished sums [rows, kPanel] to the output.
template <typename Out>
void finish_tile(const GemmArgs& g, const float* sums, i64 rows, i64 row, i64 panel) {
  Out* const out = static_cast<Out*>(g.out) + row * g.ldo;
  if (g.epilogue == Epilogue::gated) {
    const i64 column = panel * kWidth, count = g.n - column;
    const Vf gate_bias = load_some(g.bias ? g.bias + column : nullptr, count),
             up_bias = load_some(g.bias ? g.bias + g.n + column : nullptr, count);
    for (i64 r = 0; r < rows; ++r, sums += kPanel) {
      const Vf gate = load(sums) + gate_bias, up = load(sums + kWidth) + up_bias;
      put_some(out + r * g.ldo + column, activated(g.activation, gate) * up, count);
      if (g.pair) {
        Out* const p = static_cast<Out*>(g.pair) + (row + r) * 2 * g.n + column;
        put_some(p, gate, count);
        put_some(p + g.n, up, count);
      }
    }
    return;
  }
  const i64 column = panel * kPanel;
  const Out* const residual = g.epilogue == Epilogue::add
                                  ? static_cast<const Out*>(g.residual) + row * g.ldo + column
                                  : nullptr;
  const i64 count = g.n - column;
  const Vf low = load_some(g.bias ? g.bias + column : nullptr, count),
           high = load_some(g.bias && count > kWidth ? g.bias + column + kWidth : nullptr,
                            count - kWidth);
  for (i64 r = 0; r < rows; ++r, sums += kPanel) {
    store_columns(out + r * g.ldo + column, residual ? residual + r * g.ldo : nullptr,
                  load(sums) + low, load(sums + kWidth) + high, count);
  }
}

// A row block of one operand in the form the tile loop reads: floats, or bf16 pairs for the pair
// dot product.
template <typename A>
struct Rows {
  const A* a = nullptr;
  i64 lda = 0, k = 0;  // k rounded up to even for bf16 panels
};

// One step of a panel: operand columns [begin, end), added to the partial sums of the steps before
// it.
struct Step {
  bool first = false, last = false;
  i64 begin = 0, end = 0;
};

// One half of a panel's columns; a constant, so that the sums stay in registers.
template <int kHalf, int R>
[[gnu::always_inline]] inline void accumulate_half(Vf (&acc)[R][2], const float* a, i64 lda,
                                                   const float* b, ColumnRange range) {
  for (i64 i = range.begin; i < range.end; ++i) {
    const Vf value = load(b + i * kPanel + kHalf * kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) acc[r][kHalf] += splat(a[r * lda + i]) * value;
  }
}

// acc += the low-rank pair's share of a panel.
template <int R>
[[gnu::always_inline]] inline void add_low_rank(const GemmArgs& g, Vf (&acc)[R][2], i64 row,
                                                i64 panel) {
  const Operand& pair = g.low_rank;
  const float* const a = static_cast<const float*>(pair.a) + row * pair.lda;
  const float* const b = static_cast<const float*>(pair.b) + panel * kPanel * pair.k;
  const ColumnRange all = {0, pair.k};
  const ColumnRange* const halves = g.low_rank_columns ? g.low_rank_columns + 2 * panel : nullptr;
  const ColumnRange low = halves ? halves[0] : all, high = halves ? halves[1] : all;
  if (low == high) {
    accumulate<FloatWords, false, R>(acc, a + low.begin, pair.lda, b + low.begin * kPanel, kPanel,
                                     low.end - low.begin);
  } else {
    accumulate_half<0, R>(acc, a, pair.lda, b, low);
    accumulate_half<1, R>(acc, a, pair.lda, b, high);
  }
}

template <typename A, typename B, typename Out, int R>
inline void gemm_tile(const GemmArgs& g, const Rows<A>& rows, const Step& step, i64 local_row,
                      i64 row, i64 panel, float* partial) {
  Vf acc[R][2];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    acc[r][0] = step.first ? Vf{} : load(partial + r * kPanel);
    acc[r][1] = step.first ? Vf{} : load(partial + r * kPanel + kWidth);
  }
  if (step.first && g.low_rank.k > 0) add_low_rank<R>(g, acc, row, panel);
  const A* const a = rows.a + local_row * rows.lda + step.begin;
  const B* const b =
      static_cast<const B*>(g.main.b) + panel * kPanel * rows.k + step.begin * kPanel;
  const i64 depth = step.end - step.begin;
  if constexpr (sizeof(B) == 4) {
    accumulate<FloatWords, false, R>(acc, a, rows.lda, b, kPanel, depth);
  } else if constexpr (sizeof(A) == 4) {
    accumulate_widened<R>(acc, a, rows.lda, b, depth);
  } else if constexpr (Isa::kPairDot) {
    using Word = PairWords::Word;
    accumulate<PairWords, false, R>(acc, reinterpret_cast<const Word*>(a), rows.lda / 2,
                                    reinterpret_cast<const Word*>(b), kPanel, depth / 2);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    put(partial + r * kPanel, acc[r][0]);
    put(partial + r * kPanel + kWidth, acc[r][1]);
  }
  if (step.last) finish_tile<Out>(g, partial, R, row, panel);
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
    if (k == operand.k && operand.lda % 2 == 0) return {source, operand.lda, k};
  }
  return copy(source);
}

// A step's slice of a panel stays in the second-level cache, as the block's rows do, while the rows
// of a block pass over it.
constexpr i64 kStepBytes = 49152;

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
        run({begin == 0, end == main.k, begin, end}, panel);
      }
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
    gemm_blocks<Isa::HalfOperand, Half, float>(g, m_begin, m_end, panel_begin, panel_end);
  } else {
    gemm_blocks<Isa::HalfOperand, Half, Half>(g, m_begin, m_end, panel_begin, panel_end);
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

}  // namespace
}  // namespace tradeoff::model::cpu
