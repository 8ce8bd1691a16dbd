#pragma once
// Products of small operands whose summed dimension is cut into 32-bit words: a float, or two bf16
// where the processor multiplies and adds those at once.
#include <type_traits>

#include "vectors_impl.hpp"

namespace tradeoff::model::cpu {
namespace {

struct FloatWords {
  using Word = float;
  using Other = float;  // of the second operand
  static constexpr i64 kElements = 1;
  static Vf load(const float* p) { return cpu::load(p); }
  static Vf splat(const float* p) { return cpu::splat(*p); }
  static Vf add_product(Vf acc, Vf a, Vf b) { return acc + a * b; }
};

// Floats times bf16, which are widened as they are read.
struct WidenedWords {
  using Word = float;
  using Other = std::uint16_t;
  static constexpr i64 kElements = 1;
  static Vf load(const std::uint16_t* p) { return cpu::load(p); }
  static Vf splat(const float* p) { return cpu::splat(*p); }
  static Vf add_product(Vf acc, Vf a, Vf b) { return acc + a * b; }
};

// Two bf16 a word, multiplied by the instruction of processors that have it.
template <typename I>
struct PairWordsOf {
  using Word = std::uint32_t;
  using Other = std::uint32_t;
  static constexpr i64 kElements = 2;
  static Vu load(const std::uint32_t* p) { return *reinterpret_cast<const Vu*>(p); }
  static Vu splat(const std::uint32_t* p) {
    std::uint32_t pair;
    std::memcpy(&pair, p, 4);  // it may be a row of uint16
    return pair - Vu{};
  }
  static Vf add_product(Vf acc, Vu a, Vu b) { return I::dot_pairs(acc, a, b); }
};
using PairWords = PairWordsOf<Isa>;

// The words in which numbers of type T are multiplied.
template <typename T>
struct WordsOf {
  using Type =
      std::conditional_t<Isa::kPairDot && std::is_same_v<T, std::uint16_t>, PairWords, FloatWords>;
};

template <typename W>
constexpr i64 words_of(i64 elements) {
  return (elements + W::kElements - 1) / W::kElements;
}

inline i64 whole_panels(i64 columns) {
  return (columns + kPanel - 1) / kPanel * kPanel;
}

// acc[r][0..1] += Σ over i of a[r, i] · b[i, 0..kPanel); a is [R, k], or [k, R] where transposed.
template <typename W, bool kTransposed, int R>
inline void accumulate(Vf (&acc)[R][2], const typename W::Word* a, i64 lda,
                       const typename W::Other* b, i64 ldb, i64 k) {
  for (i64 i = 0; i < k; ++i, b += ldb) {
    const auto b0 = W::load(b), b1 = W::load(b + kWidth);
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r) {
      const auto x = W::splat(kTransposed ? a + i * lda + r : a + r * lda + i);
      acc[r][0] = W::add_product(acc[r][0], x, b0);
      acc[r][1] = W::add_product(acc[r][1], x, b1);
    }
  }
}

template <typename W, bool kTransposed, bool kAdd, int R>
inline void small_tile(const typename W::Word* a, i64 lda, const typename W::Other* b, i64 ldb,
                       i64 k, float* c, i64 ldc) {
  Vf acc[R][2];
#pragma GCC unroll 32
  for (int r = 0; r < R; ++r) {
    acc[r][0] = kAdd ? load(c + r * ldc) : Vf{};
    acc[r][1] = kAdd ? load(c + r * ldc + kWidth) : Vf{};
  }
  accumulate<W, kTransposed, R>(acc, a, lda, b, ldb, k);
#pragma GCC unroll 32
  for (int r = 0; r < R; ++r) {
    put(c + r * ldc, acc[r][0]);
    put(c + r * ldc + kWidth, acc[r][1]);
  }
}

template <typename W, bool kTransposed, bool kAdd, int R>
inline void small_tail(i64 rows, const typename W::Word* a, i64 lda, const typename W::Other* b,
                       i64 ldb, i64 k, float* c, i64 ldc) {
  if constexpr (R > 0) {
    if (rows == R) {
      small_tile<W, kTransposed, kAdd, R>(a, lda, b, ldb, k, c, ldc);
    } else {
      small_tail<W, kTransposed, kAdd, R - 1>(rows, a, lda, b, ldb, k, c, ldc);
    }
  }
}

// c[m, n] (+)= a · b over k words, n a multiple of kPanel. a is [m, k], or [k, m] where transposed;
// column block i of b, [k, kPanel] with rows ldb apart, starts at i · panel_stride.
template <typename W, bool kTransposed, bool kAdd>
void small_product(i64 m, i64 n, i64 k, const typename W::Word* a, i64 lda,
                   const typename W::Other* b, i64 ldb, i64 panel_stride, float* c, i64 ldc) {
  const i64 next = kTransposed ? 1 : lda;
  for (i64 column = 0; column < n; column += kPanel) {
    const auto* const panel = b + column / kPanel * panel_stride;
    i64 r = 0;
    for (; r + kTileRows <= m; r += kTileRows) {
      small_tile<W, kTransposed, kAdd, kTileRows>(a + r * next, lda, panel, ldb, k,
                                                  c + r * ldc + column, ldc);
    }
    small_tail<W, kTransposed, kAdd, kTileRows - 1>(m - r, a + r * next, lda, panel, ldb, k,
                                                    c + r * ldc + column, ldc);
  }
}

// ---- numbers to words ----

// One row, its elements together: [words_of(n)].
template <typename W, typename T>
inline void row_words(const T* from, i64 n, typename W::Word* to) {
  if constexpr (W::kElements == 1) {
    for (i64 i = 0; i < n; ++i) to[i] = get(from + i);
  } else {
    i64 i = 0;
    for (; i + 2 * kWidth <= n; i += 2 * kWidth)
      std::memcpy(to + i / 2, from + i, sizeof(Vu));  // a row may begin at any element
    std::memcpy(to + i / 2, from + i, (n - i) / 2 * 4);
    if (n % 2) to[n / 2] = from[n - 1];
  }
}

// Up to kElements rows, the elements of a column together: [n], zeros up to `padded`. Rows that are
// null are 0.
template <typename W, typename T>
inline void stacked_words(const T* first, const T* second, i64 n, i64 padded,
                          typename W::Word* to) {
  if constexpr (W::kElements == 1) {
    for (i64 i = 0; i < n; ++i) to[i] = get(first + i);
  } else {
    for (i64 i = 0; i < n; ++i)
      to[i] = first[i] | static_cast<std::uint32_t>(second ? second[i] : 0) << 16;
  }
  for (i64 i = n; i < padded; ++i) to[i] = 0;
}

// Row j of [rows, n] as column j of the panels [rows / kPanel][words_of(n)][kPanel].
template <typename W, typename T>
inline void column_words(const T* from, i64 n, i64 j, typename W::Word* panels) {
  const i64 depth = words_of<W>(n);
  typename W::Word* const to = panels + j / kPanel * depth * kPanel + j % kPanel;
  if constexpr (W::kElements == 1) {
    for (i64 i = 0; i < n; ++i) to[i * kPanel] = get(from + i);
  } else {
    for (i64 i = 0; i < n / 2; ++i) std::memcpy(to + i * kPanel, from + 2 * i, 4);
    if (n % 2) to[n / 2 * kPanel] = from[n - 1];
  }
}

}  // namespace
}  // namespace tradeoff::model::cpu
