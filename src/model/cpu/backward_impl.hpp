#pragma once
// The one source of backward.hpp, included after kernels_impl.hpp, whose vectors and micro-kernels
// it uses.
#include "backward.hpp"

#include "attention_grad_impl.hpp"

#include "low_rank_impl.hpp"

namespace tradeoff::model::cpu {
namespace {

// y = (a c - b s, b c + a s) has the gradient (da c + db s, db c - da s).
template <typename T>
void turn_back(const RopeShape& shape, const float* grad, const float* cosine, T* out) {
  const i64 half = shape.rotary / 2;
  const float* const sine = cosine + half;
  i64 i = 0;
  if (!shape.neighbours) {
    for (; i + kWidth <= half; i += kWidth) {
      const Vf a = load(grad + i), b = load(grad + half + i), c = load(cosine + i),
               s = load(sine + i);
      put(out + i, a * c + b * s);
      put(out + half + i, b * c - a * s);
    }
  }
  for (; i < half; ++i) {
    const i64 first = shape.neighbours ? 2 * i : i,
              second = shape.neighbours ? first + 1 : half + i;
    set(out + first, grad[first] * cosine[i] + grad[second] * sine[i]);
    set(out + second, grad[second] * cosine[i] - grad[first] * sine[i]);
  }
  for (i = shape.rotary; i < shape.d; ++i) set(out + i, grad[i]);
}

template <typename T>
void rope_grad_rows(const RopeShape& shape, const float* dq, const float* dk, const float* dv,
                    const float* cos_sin, const i64* position, const i64* kv_row, i64 rows,
                    T* dqkv) {
  const i64 d = shape.d, heads = shape.heads, kv_heads = shape.kv_heads;
  for (i64 r = 0; r < rows; ++r) {
    T* const out = dqkv + r * (heads + 2 * kv_heads) * d;
    const float* const cosine = cos_sin + position[r] * shape.rotary;
    for (i64 h = 0; h < heads; ++h) turn_back(shape, dq + (r * heads + h) * d, cosine, out + h * d);
    const float* const k = dk + kv_row[r] * kv_heads * d;
    for (i64 h = 0; h < kv_heads; ++h) turn_back(shape, k + h * d, cosine, out + (heads + h) * d);
    const float* const v = dv + kv_row[r] * kv_heads * d;
    for (i64 i = 0; i < kv_heads * d; ++i) set(out + (heads + kv_heads) * d + i, v[i]);
  }
}

void rope_grad(Storage storage, const RopeShape& shape, const float* dq, const float* dk,
               const float* dv, const float* cos_sin, const i64* position, const i64* kv_row,
               i64 rows, void* dqkv) {
  with_type(storage, [&]<typename T>(T) {
    rope_grad_rows(shape, dq, dk, dv, cos_sin, position, kv_row, rows, static_cast<T*>(dqkv));
  });
}

template <typename T>
void rms_norm_grad_rows(const T* x, const float* weight, float eps, const T* dy, const T* add,
                        i64 rows, i64 columns, T* dx) {
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
      dot_tail += get(x + i) * weight[i] * get(dy + i);
    }
    const float count = static_cast<float>(columns);
    const float factor = 1.0f / __builtin_sqrtf((reduce_add(squares) + square_tail) / count + eps);
    const float pull = (reduce_add(dots) + dot_tail) * factor * factor * factor / count;
    for (i = 0; i + kWidth <= columns; i += kWidth) {
      const Vf grad = load(weight + i) * load(dy + i) * factor - load(x + i) * pull;
      put(dx + i, add ? load(add + i) + grad : grad);
    }
    for (; i < columns; ++i) {
      const float grad = weight[i] * get(dy + i) * factor - get(x + i) * pull;
      set(dx + i, add ? get(add + i) + grad : grad);
    }
    if (add) add += columns;
  }
}

void rms_norm_grad(Storage storage, const void* x, const float* weight, float eps, const void* dy,
                   const void* add, i64 rows, i64 columns, void* dx) {
  with_type(storage, [&]<typename T>(T) {
    rms_norm_grad_rows(static_cast<const T*>(x), weight, eps, static_cast<const T*>(dy),
                       static_cast<const T*>(add), rows, columns, static_cast<T*>(dx));
  });
}

template <typename T>
void gated_grad_rows(Activation activation, const T* pair, const T* dproduct, i64 rows, i64 n,
                     T* dpair) {
  for (i64 r = 0; r < rows; ++r) {
    const T* const gate = pair + r * 2 * n;
    const T* const up = gate + n;
    const auto step = [&](Vf g, Vf u, Vf dp, i64 at, i64 count) {
      // x · sigmoid(z(x)) has the slope sigmoid · (1 + x z'(x) (1 - sigmoid)).
      const bool silu = activation == Activation::silu;
      const Vf z = silu ? g : kGeluScale * (g + kGeluCube * g * g * g);
      const Vf slope = silu ? splat(1.0f) : kGeluScale * (1.0f + 3.0f * kGeluCube * g * g);
      const Vf sigmoid = 1.0f / (1.0f + vexp(-z));
      put_some(dpair + r * 2 * n + at, dp * u * sigmoid * (1.0f + g * slope * (1.0f - sigmoid)),
               count);
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

void gated_grad(Storage storage, Activation activation, const void* pair, const void* dproduct,
                i64 rows, i64 n, void* dpair) {
  with_type(storage, [&]<typename T>(T) {
    gated_grad_rows(activation, static_cast<const T*>(pair), static_cast<const T*>(dproduct), rows,
                    n, static_cast<T*>(dpair));
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
  return {skinny_size, skinny_pack, skinny,        input_grad, outer,        row_dots,
          attend_grad, rope_grad,   rms_norm_grad, gated_grad, dropout_mask, cross_entropy_grad};
}

}  // namespace
}  // namespace tradeoff::model::cpu
