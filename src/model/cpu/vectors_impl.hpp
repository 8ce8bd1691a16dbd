#pragma once
// Vectors of the CPU kernels, by the compiler's vector extension, and what all kernels do with
// them. kernels_impl.hpp tells what Isa is.
#include <cstdint>
#include <cstring>

#include "kernels.hpp"

namespace tradeoff::model::cpu {
namespace {

constexpr int kWidth = Isa::kWidth, kTileRows = Isa::kTileRows;

typedef float Vf __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef std::int32_t Vi __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef std::uint32_t Vu __attribute__((vector_size(kWidth * 4), aligned(4), may_alias));
typedef std::uint16_t Vh __attribute__((vector_size(kWidth * 2), aligned(2), may_alias));
typedef std::int16_t Vs __attribute__((vector_size(kWidth * 2), aligned(2), may_alias));
using i64 = std::int64_t;

constexpr i64 kPanel = 2 * kWidth;  // columns of a packed panel

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
template <typename I = Isa>
inline void put(std::uint16_t* p, Vf v) {
  if constexpr (I::kPairDot) {
    I::put_rounded(p, v);
  } else {
    const Vu bits = reinterpret_cast<Vu>(v);
    const Vu rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    const Vu nan = reinterpret_cast<Vu>(v != v);
    *reinterpret_cast<Vh*>(p) = __builtin_convertvector((rounded & ~nan) | (nan & 0x7FC0), Vh);
  }
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

// The lanes whose column, the first one's being `column`, is below `end`; 0 elsewhere.
inline Vf keep_below(Vf value, i64 column, i64 end) {
  if (column + kWidth <= end) return value;
  Vi lane;
  for (int i = 0; i < kWidth; ++i) lane[i] = i;
  return reinterpret_cast<Vf>(reinterpret_cast<Vi>(value) &
                              (lane < static_cast<std::int32_t>(end - column)));
}

// The lanes whose column is not below `begin`; 0 elsewhere.
inline Vf keep_from(Vf value, i64 column, i64 begin) {
  if (column >= begin) return value;
  Vi lane;
  for (int i = 0; i < kWidth; ++i) lane[i] = i;
  const i64 hidden = begin - column < kWidth ? begin - column : kWidth;
  return reinterpret_cast<Vf>(reinterpret_cast<Vi>(value) &
                              (lane >= static_cast<std::int32_t>(hidden)));
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
[[gnu::always_inline]] inline Vf vexp(Vf x) {
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

inline Vf vtanh(Vf x) {
  return 1.0f - 2.0f / (1.0f + vexp(2.0f * x));
}

// GELU's tanh form is x · sigmoid(2u) with u = sqrt(2/pi) (x + 0.044715 x^3).
constexpr float kGeluScale = 1.5957691216057308f, kGeluCube = 0.044715f;
inline Vf activated(Activation activation, Vf x) {
  const Vf at = activation == Activation::silu ? x : kGeluScale * (x + kGeluCube * x * x * x);
  return x / (1.0f + vexp(-at));
}

template <typename Out>
inline void put_some(Out* out, Vf value, i64 count) {
  if (count >= kWidth) return put(out, value);
  for (i64 i = 0; i < count; ++i) set(out + i, value[i]);
}

// Calls work with a number of the storage's type.
template <typename Work>
auto with_type(Storage storage, const Work& work) {
  return storage == Storage::f32 ? work(float{}) : work(std::uint16_t{});
}

// Buffers of one task, on the heap once per thread and kernel.
class Scratch {
 public:
  ~Scratch() { delete[] memory_; }
  float* reserve(i64 floats) {
    if (floats > size_) {
      delete[] memory_;
      memory_ = new float[floats];
      size_ = floats;
    }
    return memory_;
  }

 private:
  float* memory_ = nullptr;
  i64 size_ = 0;
};

}  // namespace
}  // namespace tradeoff::model::cpu
