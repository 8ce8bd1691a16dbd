#pragma once
// LoRA's products with a few columns or rows, their gradients, and the dropout bits over them.
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "backward.hpp"

#include "words_impl.hpp"

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

// Columns [begin, end) of a row, dropped ones as 0.
inline void copy_row(const std::uint16_t* from, const std::uint64_t* mask, i64 begin, i64 end,
                     std::uint16_t* to) {
  std::memcpy(to, from + begin, (end - begin) * sizeof(*to));
  if (!mask) return;
  i64 i = begin;
  for (; i + kWidth <= end; i += kWidth) {
    Vh* const p = reinterpret_cast<Vh*>(to + i - begin);
    *p &= reinterpret_cast<Vh>(__builtin_convertvector(kept_lanes(mask, i), Vs));
  }
  for (; i < end; ++i) to[i - begin] = kept(mask, i) ? from[i] : 0;
}
// The same as floats.
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
// Columns of one vector of sums: of bf16 pairs one half has the products with each number's upper
// part, the other those with its lower part.
template <typename W>
constexpr i64 kSkinnyColumns = kWidth / W::kElements;

template <typename W>
i64 skinny_words(i64 k, i64 columns) {
  return words_of<W>(k) * kWidth * ((columns + kSkinnyColumns<W> - 1) / kSkinnyColumns<W>);
}

template <typename W>
void skinny_pack_as(const float* b, i64 k, i64 columns, typename W::Word* to) {
  const auto at = [&](i64 row, i64 column) {
    return row < k && column < columns ? b[row * columns + column] : 0.0f;
  };
  for (i64 first = 0; first < columns; first += kSkinnyColumns<W>) {
    for (i64 word = 0; word < words_of<W>(k); ++word, to += kWidth) {
      for (i64 c = 0; c < kSkinnyColumns<W>; ++c) {
        if constexpr (W::kElements == 1) {
          to[c] = at(word, first + c);
        } else {
          std::uint32_t upper = 0, lower = 0;
          for (i64 e = 0; e < 2; ++e) {
            const float value = at(2 * word + e, first + c);
            const std::uint32_t high = narrow(value);
            upper |= high << (16 * e);
            const float rest = value - widen(static_cast<std::uint16_t>(high));
            lower |= static_cast<std::uint32_t>(narrow(rest)) << (16 * e);
          }
          to[c] = upper;
          to[kSkinnyColumns<W> + c] = lower;
        }
      }
    }
  }
}

template <typename W, int R>
inline void skinny_tile(const SkinnyArgs& g, const typename W::Word* a, i64 lda, i64 row) {
  const auto* b = reinterpret_cast<const typename W::Word*>(g.b);
  for (i64 column = 0; column < g.columns; column += kSkinnyColumns<W>) {
    Vf acc[R] = {};
    for (i64 i = 0; i < words_of<W>(g.k); ++i, b += kWidth) {
      const auto value = W::load(b);
#pragma GCC unroll 32
      for (int r = 0; r < R; ++r) acc[r] = W::add_product(acc[r], W::splat(a + r * lda + i), value);
    }
    for (int r = 0; r < R; ++r) {
      float* const out = g.out + (row + r) * g.ldo + column;
      if constexpr (W::kElements == 1) {
        put_some(out, acc[r] * g.factor, g.columns - column);
      } else {
        for (i64 c = 0; c < kSkinnyColumns<W> && column + c < g.columns; ++c)
          out[c] = (acc[r][c] + acc[r][kSkinnyColumns<W> + c]) * g.factor;
      }
    }
  }
}

template <typename T>
void skinny_rows(const SkinnyArgs& g, i64 begin, i64 end) {
  using W = typename WordsOf<T>::Type;
  using Word = typename W::Word;
  using Element = std::conditional_t<W::kElements == 1, float, T>;
  constexpr i64 kBlock = 2 * kSkinnyRows;
  static thread_local Scratch scratch;
  const i64 depth = words_of<W>(g.k);
  const bool copies =
      g.mask.bits || sizeof(T) != sizeof(Element) || g.k % W::kElements || g.lda % W::kElements;
  Element* const copy =
      copies ? reinterpret_cast<Element*>(scratch.reserve(kBlock * depth)) : nullptr;
  const T* const source = static_cast<const T*>(g.a);
  for (i64 block = begin; block < end; block += kBlock) {
    const i64 rows = end - block < kBlock ? end - block : kBlock;
    const Word* a = reinterpret_cast<const Word*>(copy);
    i64 lda = depth;
    if (copies) {
      for (i64 r = 0; r < rows; ++r) {
        Element* const to = copy + r * depth * W::kElements;
        copy_row(source + (block + r) * g.lda, mask_row(g.mask, block + r), 0, g.k, to);
        if (g.k % W::kElements) to[g.k] = 0;
      }
    } else {
      a = reinterpret_cast<const Word*>(source + block * g.lda);
      lda = g.lda / W::kElements;
    }
    i64 r = 0;
    for (; r + kSkinnyRows <= rows; r += kSkinnyRows)
      skinny_tile<W, kSkinnyRows>(g, a + r * lda, lda, block + r);
    for (; r + 4 <= rows; r += 4) skinny_tile<W, 4>(g, a + r * lda, lda, block + r);
    for (; r < rows; ++r) skinny_tile<W, 1>(g, a + r * lda, lda, block + r);
  }
}

i64 skinny_size(Storage in, i64 k, i64 columns) {
  return with_type(
      in, [&]<typename T>(T) { return skinny_words<typename WordsOf<T>::Type>(k, columns); });
}

void skinny_pack(Storage in, const float* b, i64 k, i64 columns, float* packed) {
  with_type(in, [&]<typename T>(T) {
    using W = typename WordsOf<T>::Type;
    skinny_pack_as<W>(b, k, columns, reinterpret_cast<typename W::Word*>(packed));
  });
}

void skinny(const SkinnyArgs& g, i64 begin, i64 end) {
  with_type(g.in, [&]<typename T>(T) { skinny_rows<T>(g, begin, end); });
}

template <typename T, int R>
inline void input_grad_tile(const InputGradArgs& g, i64 row, i64 column) {
  Vf total[R][2] = {};
  for (i64 p = 0; p < g.count; ++p) {
    const InputGradPart& part = g.parts[p];
    Vf acc[R][2] = {};
    accumulate<FloatWords, false, R>(acc, part.u + row * part.ldu, part.ldu, part.a + column, g.n,
                                     part.lora_rank);
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
  with_type(g.storage, [&]<typename T>(T) { input_grad_rows<T>(g, begin, end); });
}

template <typename T>
void outer_columns(const OuterArgs& g, i64 begin, i64 end) {
  constexpr i64 kRowsAtOnce = 64;
  static thread_local Scratch scratch;
  const i64 n = end - begin, padded = whole_panels(n);
  float* const sum = scratch.reserve((g.m + kRowsAtOnce) * padded);
  float* const rows = sum + g.m * padded;
  for (i64 i = 0; i < g.m * padded; ++i) sum[i] = 0;
  const T* const wide = static_cast<const T*>(g.wide);
  const bool in_place = !g.mask.bits && padded == n;
  if (!in_place) std::memset(rows, 0, kRowsAtOnce * padded * sizeof(float));
  for (i64 block = 0; block < g.rows; block += kRowsAtOnce) {
    const i64 count = g.rows - block < kRowsAtOnce ? g.rows - block : kRowsAtOnce;
    const float* const small = g.small + block * g.lds;
    if (in_place) {
      using W = std::conditional_t<sizeof(T) == 4, FloatWords, WidenedWords>;
      small_product<W, true, true>(g.m, padded, count, small, g.lds, wide + block * g.ldw + begin,
                                   g.ldw, kPanel, sum, padded);
      continue;
    }
    for (i64 i = 0; i < count; ++i) {
      copy_row(wide + (block + i) * g.ldw, mask_row(g.mask, block + i), begin, end,
               rows + i * padded);
    }
    small_product<FloatWords, true, true>(g.m, padded, count, small, g.lds, rows, padded, kPanel,
                                          sum, padded);
  }
  for (i64 r = 0; r < g.m; ++r) {
    float* const out = g.out + r * g.ldo + begin * g.column_stride;
    for (i64 i = 0; i < n; ++i) out[i * g.column_stride] += g.factor * sum[r * padded + i];
  }
}

void outer(const OuterArgs& g, i64 begin, i64 end) {
  with_type(g.storage, [&]<typename T>(T) { outer_columns<T>(g, begin, end); });
}

}  // namespace
}  // namespace tradeoff::model::cpu
