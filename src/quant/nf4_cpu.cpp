#include <ATen/Parallel.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <cmath>

#include "nf4_kernels.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::quant {
namespace {

// Blocks a thread takes at least; below that the hand-over costs more than the work.
constexpr std::int64_t kGrain = 512;

// Calls `work` with a value of the C++ type that stands for `dtype`.
template <typename Work>
void with_type(at::ScalarType dtype, const Work& work) {
  switch (dtype) {
    case at::kFloat:
      return work(float{});
    case at::kBFloat16:
      return work(c10::BFloat16{});
    case at::kHalf:
      return work(c10::Half{});
    default:
      fail(std::string("NF4 values are float32, bfloat16 or float16, not ") + c10::toString(dtype));
  }
}

unsigned code_of(float scaled) {
  unsigned code = 0;
  for (const float threshold : kNf4Thresholds) code += !(scaled <= threshold);
  return code;
}

template <typename Source>
void quantise_block(const QuantiseTask& task, const Source* values, std::int64_t block) {
  const std::int64_t begin = block * task.blocksize;
  const std::int64_t end = std::min(task.numel, begin + task.blocksize);
  const bool partial = end - begin < task.blocksize;
  float absmax = 0;
  for (std::int64_t i = begin; i < end; ++i) {
    const float magnitude = std::fabs(static_cast<float>(values[i]));
    if (!(magnitude <= absmax)) absmax = magnitude;  // NaN enters and,
    if (std::isnan(absmax)) break;                   // once in, stays
  }
  // There, too, a partial block divides where a whole one multiplies, and keeps the floored absmax.
  const float floored = absmax < kMinAbsmax ? kMinAbsmax : absmax;
  task.absmax[block] = partial ? floored : absmax;
  const auto code = [&](std::int64_t i) {
    if (i >= end) return code_of(0);
    const auto value = static_cast<float>(values[i]);
    return code_of(partial ? value / floored : value * (1.0f / floored));
  };
  for (std::int64_t i = begin; i < end; i += 2) {
    task.packed[i / 2] = static_cast<std::uint8_t>(code(i) << 4 | code(i + 1));
  }
}

template <typename Out>
void dequantise_block(const Nf4View& weight, std::int64_t block, Out* out) {
  Out table[16];
  const float absmax = weight.absmax(block);
  for (int code = 0; code < 16; ++code) table[code] = static_cast<Out>(kNf4[code] * absmax);
  const std::int64_t begin = block * weight.blocksize;
  const std::int64_t end = std::min(weight.numel, begin + weight.blocksize);
  for (std::int64_t i = begin; i < end; ++i) {
    const unsigned byte = weight.packed[i / 2];
    out[i] = table[i % 2 ? byte & 15 : byte >> 4];
  }
}

}  // namespace

Isa best_isa() {
  static const Isa best = [] {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("f16c")) return Isa::scalar;
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl");
    return avx512 ? Isa::avx512 : Isa::avx2;
  }();
  return best;
}

void quantise_cpu(const QuantiseTask& task, Isa isa) {
  const std::int64_t blocks = (task.numel + task.blocksize - 1) / task.blocksize;
  const std::int64_t whole = isa == Isa::scalar ? 0 : task.numel / task.blocksize;
  with_type(task.dtype, [&]<typename Source>(Source) {
    at::parallel_for(0, blocks, kGrain, [&](std::int64_t first, std::int64_t last) {
      const std::int64_t middle = std::clamp(whole, first, last);
      if (first < middle) quantise_avx2(task, first, middle);
      for (std::int64_t block = middle; block < last; ++block) {
        quantise_block(task, static_cast<const Source*>(task.values), block);
      }
    });
  });
}

void dequantise_cpu(const Nf4View& weight, at::ScalarType dtype, void* out, Isa isa) {
  const std::int64_t blocks = (weight.numel + weight.blocksize - 1) / weight.blocksize;
  const std::int64_t whole = isa == Isa::scalar ? 0 : weight.numel / weight.blocksize;
  const auto vector_kernel = isa == Isa::avx512 ? dequantise_avx512 : dequantise_avx2;
  with_type(dtype, [&]<typename Out>(Out) {
    at::parallel_for(0, blocks, kGrain, [&](std::int64_t first, std::int64_t last) {
      const std::int64_t middle = std::clamp(whole, first, last);
      if (first < middle) vector_kernel(weight, dtype, first, middle, out);
      for (std::int64_t block = middle; block < last; ++block) {
        dequantise_block(weight, block, static_cast<Out*>(out));
      }
    });
  });
}

}  // namespace tradeoff::quant
