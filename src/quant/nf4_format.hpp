#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace tradeoff::quant {

/// The 16 values (QLoRA, appendix E), as bitsandbytes' get_4bit_type("nf4").
inline constexpr std::array<float, 16> kNf4 = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

/// A value x of a block gets the number of thresholds below it; NaN gets 15.
inline constexpr std::array<float, 15> kNf4Thresholds = [] {
  std::array<float, 15> between{};
  for (std::size_t i = 0; i < between.size(); ++i) between[i] = (kNf4[i] + kNf4[i + 1]) / 2;
  return between;
}();

/// Floor of what a block is divided by. In the partial block at the end it is also the floor of the
/// stored absmax.
inline constexpr float kMinAbsmax = 1e-38f;

/// absmax per block, plain or nested.
struct AbsmaxView {
  const float* values = nullptr;  // [blocks]; null when nested
  const std::uint8_t* codes = nullptr;
  const float* nested_absmax = nullptr;
  const float* nested_map = nullptr;  // [256]
  float offset = 0;
  int nested_shift = 0;  // log2 of the nested blocksize

#ifdef __CUDACC__
  // Intrinsics, because the compiler may not fuse the product and the sum.
  __device__ float operator()(std::int64_t block) const {
    if (values) return __ldg(values + block);
    const float scale = __ldg(nested_absmax + (block >> nested_shift));
    return __fadd_rn(__fmul_rn(__ldg(nested_map + __ldg(codes + block)), scale), offset);
  }
#else
  // One NaN for all, so that rounding to 16 bits cannot carry a NaN's payload into a number.
  float operator()(std::int64_t block) const {
    const float value =
        values ? values[block]
               : nested_map[codes[block]] * nested_absmax[block >> nested_shift] + offset;
    return value == value ? value : std::numeric_limits<float>::quiet_NaN();
  }
#endif
};

/// What the dequantise kernels read.
struct Nf4View {
  const std::uint8_t* packed = nullptr;
  std::int64_t numel = 0;
  int blocksize = 64;
  AbsmaxView absmax;
  // CUDA: numbers of a row and from row to row of the output; 0: one behind the other.
  std::int64_t columns = 0, row_stride = 0;
};

}  // namespace tradeoff::quant
