#pragma once
// The one source of the CPU kernels, with the files it includes. What differs between instruction
// sets is in a type that the including file defines before, in the unnamed namespace of
// tradeoff::model::cpu:
//   Isa::kName
//   Isa::kWidth       floats of a vector
//   Isa::kTileRows    rows of a register tile
//   Isa::kPairDot     whether there is Isa::dot_pairs(acc, pairs, pairs) of pairs of bf16, and
//                     Isa::put_rounded(uint16*, floats)
//   Isa::HalfOperand  the form in which a product reads bf16 rows
// Everything here has internal linkage: the files are compiled with different instruction sets.
#include <cstdint>
#include <cstring>

#include "kernels.hpp"

#include "vectors_impl.hpp"

#include "words_impl.hpp"

#include "attention_impl.hpp"

#include "products_impl.hpp"

namespace tradeoff::model::cpu {
namespace {

// ---- normalisation and rotary embedding ----

template <typename T>
void rms_norm_rows(const T* x, const float* weight, float eps, i64 rows, i64 columns, T* out) {
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
    for (; i < columns; ++i) set(out + i, get(x + i) * factor * weight[i]);
  }
}

void rms_norm(Storage storage, const void* x, const float* weight, float eps, i64 rows, i64 columns,
              void* out) {
  with_type(storage, [&]<typename T>(T) {
    rms_norm_rows(static_cast<const T*>(x), weight, eps, rows, columns, static_cast<T*>(out));
  });
}

template <typename T>
void rotate_head(const RopeShape& shape, const T* x, const float* cosine, T* out) {
  const i64 half = shape.rotary / 2;
  const float* const sine = cosine + half;
  i64 i = 0;
  if (!shape.neighbours) {
    for (; i + kWidth <= half; i += kWidth) {
      const Vf a = load(x + i), b = load(x + half + i), c = load(cosine + i), s = load(sine + i);
      put(out + i, a * c - b * s);
      put(out + half + i, b * c + a * s);
    }
  }
  for (; i < half; ++i) {
    const i64 first = shape.neighbours ? 2 * i : i,
              second = shape.neighbours ? first + 1 : half + i;
    const float a = get(x + first), b = get(x + second);
    set(out + first, a * cosine[i] - b * sine[i]);
    set(out + second, b * cosine[i] + a * sine[i]);
  }
  std::memcpy(out + shape.rotary, x + shape.rotary, (shape.d - shape.rotary) * sizeof(T));
}

template <typename T>
void rope_rows(const RopeShape& shape, const T* qkv, const float* cos_sin, const i64* position,
               const i64* kv_row, i64 rows, T* q, T* k, T* v) {
  const i64 d = shape.d, heads = shape.heads, kv_heads = shape.kv_heads;
  for (i64 r = 0; r < rows; ++r) {
    const T* const row = qkv + r * (heads + 2 * kv_heads) * d;
    const float* const cosine = cos_sin + position[r] * shape.rotary;
    T* const k_out = k + kv_row[r] * kv_heads * d;
    for (i64 h = 0; h < heads; ++h)
      rotate_head(shape, row + h * d, cosine, q + (r * heads + h) * d);
    for (i64 h = 0; h < kv_heads; ++h)
      rotate_head(shape, row + (heads + h) * d, cosine, k_out + h * d);
    std::memcpy(v + kv_row[r] * kv_heads * d, row + (heads + kv_heads) * d,
                kv_heads * d * sizeof(T));
  }
}

void rope_scatter(Storage storage, const RopeShape& shape, const void* qkv, const float* cos_sin,
                  const i64* position, const i64* kv_row, i64 rows, void* q, void* k, void* v) {
  with_type(storage, [&]<typename T>(T) {
    rope_rows(shape, static_cast<const T*>(qkv), cos_sin, position, kv_row, rows,
              static_cast<T*>(q), static_cast<T*>(k), static_cast<T*>(v));
  });
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

Kernels make_kernels() {
  return {Isa::kName,   kPanel, packed_size,   pack,        gemm,  rms_norm,
          rope_scatter, attend, attend_finish, log_sum_exp, argmax};
}

}  // namespace
}  // namespace tradeoff::model::cpu
