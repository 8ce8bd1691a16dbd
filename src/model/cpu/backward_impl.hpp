#pragma once
// The one source of backward.hpp, included after kernels_impl.hpp, whose vectors and micro-kernels
// it uses.
#include <type_traits>

#include "backward.hpp"

#include "attention_grad_impl.hpp"

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
    for (i64 i = 0; i < n; ++i) g.out[r * g.ldo + begin + i] += g.factor * sum[r * padded + i];
  }
}

void outer(const OuterArgs& g, i64 begin, i64 end) {
  with_type(g.storage, [&]<typename T>(T) { outer_columns<T>(g, begin, end); });
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
  with_type(storage, [&]<typename T>(T) {
    rope_grad_rows(dq, dk, dv, cos_sin, position, kv_row, rows, heads, kv_heads, d,
                   static_cast<T*>(dqkv));
  });
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
  with_type(storage, [&]<typename T>(T) {
    rms_norm_grad_rows(static_cast<const T*>(x), static_cast<const T*>(weight), eps,
                       static_cast<const T*>(dy), static_cast<const T*>(add), rows, columns,
                       static_cast<T*>(dx));
  });
}

template <typename T>
void silu_mul_grad_rows(const T* pair, const T* dproduct, i64 rows, i64 n, T* dpair) {
  for (i64 r = 0; r < rows; ++r) {
    const T* const gate = pair + r * 2 * n;
    const T* const up = gate + n;
    const auto step = [&](Vf g, Vf u, Vf dp, i64 at, i64 count) {
      const Vf sigmoid = 1.0f / (1.0f + vexp(-g));
      put_some(dpair + r * 2 * n + at, dp * u * sigmoid * (1.0f + g * (1.0f - sigmoid)), count);
      put_some(dpair + r * 2 * n + n + at, dp * g * sigmoid, count);
    };
    i64 i = 0;
    for (; i + kWidth <= n; i += kWidth)
      step(load(gate + i), load(up + i), load(dproduct + r * n + i), i, kWidth);
    if (i < n) {
      Vf g = {}, u = {}, dp = {};
      for (i64 j = 0; i + j < n; ++j) {
        g[j] = get(gate + i + j);
        u[j] = get(up + i + j);
        dp[j] = get(dproduct + r * n + i + j);
      }
      step(g, u, dp, i, n - i);
    }
  }
}

void silu_mul_grad(Storage storage, const void* pair, const void* dproduct, i64 rows, i64 n,
                   void* dpair) {
  with_type(storage, [&]<typename T>(T) {
    silu_mul_grad_rows(static_cast<const T*>(pair), static_cast<const T*>(dproduct), rows, n,
                       static_cast<T*>(dpair));
  });
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
  return {skinny_size, skinny_pack, skinny,        input_grad,    outer,        row_dots,
          attend_grad, rope_grad,   rms_norm_grad, silu_mul_grad, dropout_mask, cross_entropy_grad};
}

}  // namespace
}  // namespace tradeoff::model::cpu
