#pragma once
// What the CUDA kernels of this module share: float32, bfloat16 and float16 elements, sums over a
// block, the choice by dtype.
#include <ATen/core/Tensor.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "tradeoff/base/error.hpp"
#include "tradeoff/model/switches.hpp"

namespace tradeoff::model::cuda {

inline constexpr int kThreads = 256;

__device__ inline float to_float(float x) {
  return x;
}
__device__ inline float to_float(__nv_bfloat16 x) {
  return __bfloat162float(x);
}
__device__ inline float to_float(__half x) {
  return __half2float(x);
}
__device__ inline void assign(float& to, float x) {
  to = x;
}
__device__ inline void assign(__nv_bfloat16& to, float x) {
  to = __float2bfloat16_rn(x);
}
__device__ inline void assign(__half& to, float x) {
  to = __float2half_rn(x);
}

// Neighbouring elements, loaded and stored at once.
template <typename T, int kCount>
struct alignas(kCount * sizeof(T)) Values {
  T at[kCount];
};
template <int kCount, typename T>
__device__ inline Values<T, kCount> load(const T* from) {
  return *reinterpret_cast<const Values<T, kCount>*>(from);
}
template <typename T, int kCount>
__device__ inline void store(T* to, const Values<T, kCount>& values) {
  *reinterpret_cast<Values<T, kCount>*>(to) = values;
}

// The rows of a matrix, which may lie apart.
template <typename T>
struct Rows {
  T* first;
  std::int64_t stride;
  __device__ T* row(std::int64_t i) const { return first + i * stride; }
};

// RopeShape for the device, and where a turning pair's two columns stand.
struct Rope {
  int heads, kv_heads, d, rotary;
  bool neighbours;
  explicit Rope(const RopeShape& shape)
      : heads(static_cast<int>(shape.heads)),
        kv_heads(static_cast<int>(shape.kv_heads)),
        d(static_cast<int>(shape.d)),
        rotary(static_cast<int>(shape.rotary)),
        neighbours(shape.neighbours) {}
  __device__ int first(int pair) const { return neighbours ? 2 * pair : pair; }
  __device__ int second(int pair) const { return neighbours ? 2 * pair + 1 : rotary / 2 + pair; }
};

// The argument of the sigmoid in an activation x · sigmoid(z), and dz/dx.
__device__ inline float sigmoid_input(Activation activation, float x) {
  return activation == Activation::silu ? x : 1.5957691216057308f * (x + 0.044715f * x * x * x);
}
__device__ inline float sigmoid_slope(Activation activation, float x) {
  return activation == Activation::silu ? 1.0f
                                        : 1.5957691216057308f * (1.0f + 3.0f * 0.044715f * x * x);
}

// Sum over the block in a fixed order; every thread gets it.
__device__ inline float block_sum(float value) {
  __shared__ float warps[32];
  for (int offset = 16; offset > 0; offset /= 2)
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  value = 0;
  for (int i = 0; i < blockDim.x / 32; ++i) value += warps[i];
  return value;
}

__device__ inline float block_max(float value) {
  __shared__ float warps[32];
  for (int offset = 16; offset > 0; offset /= 2)
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, offset));
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  for (int i = 0; i < blockDim.x / 32; ++i) value = fmaxf(value, warps[i]);
  return value;
}

// Calls work(T*) with the CUDA type of the tensor's dtype.
template <typename Work>
void dispatch(const at::Tensor& x, const Work& work) {
  if (x.scalar_type() == c10::ScalarType::Float) {
    work(static_cast<float*>(nullptr));
  } else if (x.scalar_type() == c10::ScalarType::BFloat16) {
    work(static_cast<__nv_bfloat16*>(nullptr));
  } else {
    check(x.scalar_type() == c10::ScalarType::Half, "expected float32, bfloat16 or float16");
    work(static_cast<__half*>(nullptr));
  }
}

// Calls work(T*, elements a thread, grid) for rows of `width` elements of tensors of one dtype:
// sixteen bytes a thread where all their rows are whole multiples of that apart, else one element.
template <typename Work>
void by_columns(std::initializer_list<at::Tensor> tensors, std::int64_t width, const Work& work) {
  const at::Tensor& x = *tensors.begin();
  const auto whole = [&](int count) {
    if (width % count != 0) return false;
    for (const at::Tensor& tensor : tensors)
      if (tensor.defined() && tensor.stride(0) % count != 0) return false;
    return true;
  };
  const auto grid = [&](int count) {
    const auto rows = static_cast<unsigned>(x.size(0) < 65535 ? x.size(0) : 65535);
    return dim3(static_cast<unsigned>((width + kThreads * count - 1) / (kThreads * count)), rows);
  };
  dispatch(x, [&](auto* type) {
    constexpr int kCount = 16 / sizeof(*type);
    if (whole(kCount)) {
      work(type, std::integral_constant<int, kCount>(), grid(kCount));
    } else {
      work(type, std::integral_constant<int, 1>(), grid(1));
    }
  });
}

// Calls work(T*, pairs of columns a thread) for the turning of heads: sixteen bytes where a pair's
// columns are halves of a head and all begin at whole multiples of that, else one pair.
template <typename Work>
void by_pairs(const at::Tensor& x, const RopeShape& shape, const Work& work) {
  dispatch(x, [&](auto* type) {
    constexpr int kCount = 16 / sizeof(*type);
    if (!shape.neighbours && shape.rotary % (2 * kCount) == 0 && shape.d % kCount == 0 &&
        x.stride(0) % kCount == 0) {
      work(type, std::integral_constant<int, kCount>());
    } else {
      work(type, std::integral_constant<int, 1>());
    }
  });
}

template <typename T>
const T* in(const at::Tensor& x, T*) {
  return static_cast<const T*>(x.const_data_ptr());
}
template <typename T>
T* out_of(at::Tensor& x, T*) {
  return static_cast<T*>(x.mutable_data_ptr());
}
template <typename T>
Rows<const T> rows_in(const at::Tensor& x, T* type) {
  return {in(x, type), x.stride(0)};
}
template <typename T>
Rows<T> rows_out(at::Tensor& x, T* type) {
  return {out_of(x, type), x.stride(0)};
}

}  // namespace tradeoff::model::cuda
