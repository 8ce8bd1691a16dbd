#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <string>

#include "nf4_kernels.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::quant {
namespace {

constexpr int kThreads = 256;
constexpr int kWarp = 32;
// Values per 4-byte load and, in 16 bits, per 16-byte store.
constexpr int kChunk = 8;
// Chunks per thread, a block's width apart: enough loads in flight to cover the memory's latency.
constexpr int kChunksPerThread = 4;
// Values per CUDA block.
constexpr int kTile = kThreads * kChunksPerThread * kChunk;

struct Tables {
  float values[16];
  float thresholds[15];
};
constexpr Tables make_tables() {
  Tables tables{};
  for (int i = 0; i < 16; ++i) tables.values[i] = kNf4[i];
  for (int i = 0; i < 15; ++i) tables.thresholds[i] = kNf4Thresholds[i];
  return tables;
}
__constant__ Tables kTables = make_tables();

template <typename T>
__device__ T rounded(float value);
template <>
__device__ float rounded(float value) {
  return value;
}
template <>
__device__ __nv_bfloat16 rounded(float value) {
  return __float2bfloat16_rn(value);
}
template <>
__device__ __half rounded(float value) {
  return __float2half_rn(value);
}

__device__ float to_float(float value) {
  return value;
}
__device__ float to_float(__nv_bfloat16 value) {
  return __bfloat162float(value);
}
__device__ float to_float(__half value) {
  return __half2float(value);
}

// Two neighbours, rounded in one instruction.
__device__ float2 rounded_pair(float a, float b, float) {
  return {a, b};
}
__device__ __nv_bfloat162 rounded_pair(float a, float b, __nv_bfloat16) {
  return __floats2bfloat162_rn(a, b);
}
__device__ __half2 rounded_pair(float a, float b, __half) {
  return __floats2half2_rn(a, b);
}

template <typename Out>
struct alignas(16) Chunk {
  decltype(rounded_pair(0, 0, Out())) pairs[kChunk / 2];
};

// What is written is more than the caches hold.
template <typename Out>
__device__ void store(Out* to, const Chunk<Out>& chunk) {
  const auto* const words = reinterpret_cast<const uint4*>(&chunk);
#pragma unroll
  for (int i = 0; i < sizeof(chunk) / sizeof(uint4); ++i)
    __stcs(reinterpret_cast<uint4*>(to) + i, words[i]);
}

// Where number i of the weight goes.
template <bool kRowsApart>
__device__ std::int64_t place_of(const Nf4View& weight, std::int64_t i) {
  if (!kRowsApart) return i;
  const std::int64_t row = weight.numel <= 0xffffffff
                               ? static_cast<unsigned>(i) / static_cast<unsigned>(weight.columns)
                               : i / weight.columns;
  return row * (weight.row_stride - weight.columns) + i;
}

// `aligned`: packed lies on 4 bytes, out (and each of its rows, whole chunks) on 16.
template <typename Out, bool kRowsApart>
__global__ void __launch_bounds__(kThreads)
    dequantise_kernel(Nf4View weight, int block_shift, bool aligned, Out* __restrict__ out) {
  // Sixteen neighbouring words are in sixteen banks: a warp reads any mix of them at once.
  __shared__ float map[16];
  if (threadIdx.x < 16) map[threadIdx.x] = kTables.values[threadIdx.x];
  __syncthreads();
  const std::int64_t tile = static_cast<std::int64_t>(blockIdx.x) * kTile;
  if (aligned && tile + kTile <= weight.numel) {
    std::uint32_t codes[kChunksPerThread];
    float absmax[kChunksPerThread];
#pragma unroll
    for (int k = 0; k < kChunksPerThread; ++k) {
      const std::int64_t begin = tile + (k * kThreads + threadIdx.x) * kChunk;
      codes[k] = __ldcs(reinterpret_cast<const unsigned*>(weight.packed + begin / 2));
      absmax[k] = weight.absmax(begin >> block_shift);
    }
#pragma unroll
    for (int k = 0; k < kChunksPerThread; ++k) {
      Chunk<Out> chunk;
#pragma unroll
      for (int i = 0; i < kChunk / 2; ++i) {
        // Of each byte the high half comes first.
        const unsigned first = codes[k] >> (8 * i + 4) & 15u, second = codes[k] >> (8 * i) & 15u;
        chunk.pairs[i] = rounded_pair(__fmul_rn(map[first], absmax[k]),
                                      __fmul_rn(map[second], absmax[k]), Out());
      }
      const std::int64_t begin = tile + (k * kThreads + threadIdx.x) * kChunk;
      store(out + place_of<kRowsApart>(weight, begin), chunk);
    }
    return;
  }
  const std::int64_t end = min(weight.numel, tile + kTile);
  for (std::int64_t i = tile + threadIdx.x; i < end; i += kThreads) {
    const unsigned code = weight.packed[i / 2] >> (i % 2 ? 0 : 4) & 15u;
    out[place_of<kRowsApart>(weight, i)] =
        rounded<Out>(__fmul_rn(map[code], weight.absmax(i >> block_shift)));
  }
}

// Thresholds below `scaled`; all 15 for NaN.
__device__ unsigned code_of(float scaled) {
  unsigned code = 0;
#pragma unroll
  for (int i = 0; i < 15; ++i) code += !(scaled <= kTables.thresholds[i]);
  return code;
}

__device__ unsigned warp_max(unsigned value) {
#if __CUDA_ARCH__ >= 800
  return __reduce_max_sync(0xffffffffu, value);
#else
  for (int offset = kWarp / 2; offset > 0; offset /= 2)
    value = max(value, __shfl_xor_sync(0xffffffffu, value, offset));
  return value;
#endif
}

// One warp per block of the weight; the arithmetic is quantise_block's in nf4_cpu.cpp, step by
// step.
template <typename Source>
__global__ void __launch_bounds__(kThreads)
    quantise_kernel(const Source* __restrict__ values, std::int64_t numel, int blocksize,
                    std::uint8_t* __restrict__ packed, float* __restrict__ absmax_out) {
  const std::int64_t block =
      (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kWarp;
  const int lane = threadIdx.x % kWarp;
  const std::int64_t begin = block * blocksize;
  if (begin >= numel) return;
  const std::int64_t end = min(numel, begin + blocksize);
  const bool partial = end - begin < blocksize;

  // As unsigned integers magnitudes compare like floats, with NaN above infinity.
  unsigned largest = 0;
  for (std::int64_t i = begin + lane; i < end; i += kWarp) {
    largest = max(largest, __float_as_uint(to_float(values[i])) & 0x7fffffffu);
  }
  const float absmax = __uint_as_float(warp_max(largest));
  const float floored = absmax < kMinAbsmax ? kMinAbsmax : absmax;
  if (lane == 0) absmax_out[block] = partial ? floored : absmax;

  const float scale = __frcp_rn(floored);
  const auto code = [&](std::int64_t i) {
    if (i >= end) return code_of(0);
    const float value = to_float(values[i]);
    return code_of(partial ? __fdiv_rn(value, floored) : __fmul_rn(value, scale));
  };
  for (std::int64_t i = begin + 2 * lane; i < end; i += 2 * kWarp) {
    packed[i / 2] = static_cast<std::uint8_t>(code(i) << 4 | code(i + 1));
  }
}

__global__ void absmax_kernel(AbsmaxView absmax, std::int64_t blocks, float* out) {
  const std::int64_t block = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (block < blocks) out[block] = absmax(block);
}

void check_launch(const char* kernel) {
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess) fail(std::string(kernel) + ": " + cudaGetErrorString(status));
}

unsigned grid_for(std::int64_t work, std::int64_t per_block) {
  const std::int64_t blocks = (work + per_block - 1) / per_block;
  check(blocks <= 0x7fffffff, "NF4: the weight is too large for one CUDA grid");
  return static_cast<unsigned>(blocks);
}

template <typename Out>
void launch_dequantise(const Nf4View& weight, void* out, cudaStream_t stream) {
  const auto address = [](const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer);
  };
  const bool rows_apart = weight.columns > 0;
  const bool aligned =
      address(weight.packed) % 4 == 0 && address(out) % 16 == 0 &&
      (!rows_apart || (weight.columns % kChunk == 0 && weight.row_stride % kChunk == 0));
  const unsigned grid = grid_for(weight.numel, kTile);
  const int block_shift = std::countr_zero(static_cast<unsigned>(weight.blocksize));
  const auto kernel = rows_apart ? dequantise_kernel<Out, true> : dequantise_kernel<Out, false>;
  kernel<<<grid, kThreads, 0, stream>>>(weight, block_shift, aligned, static_cast<Out*>(out));
  check_launch("NF4 dequantise");
}

template <typename Source>
void launch_quantise(const QuantiseTask& task, cudaStream_t stream) {
  const std::int64_t blocks = (task.numel + task.blocksize - 1) / task.blocksize;
  quantise_kernel<<<grid_for(blocks, kThreads / kWarp), kThreads, 0, stream>>>(
      static_cast<const Source*>(task.values), task.numel, task.blocksize, task.packed,
      task.absmax);
  check_launch("NF4 quantise");
}

}  // namespace

void quantise_cuda(const QuantiseTask& task, at::Device device) {
  const c10::cuda::CUDAGuard guard(device);
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  if (task.dtype == at::kFloat) return launch_quantise<float>(task, stream);
  if (task.dtype == at::kHalf) return launch_quantise<__half>(task, stream);
  launch_quantise<__nv_bfloat16>(task, stream);
}

void dequantise_cuda(const Nf4View& weight, at::ScalarType dtype, void* out, at::Device device) {
  const c10::cuda::CUDAGuard guard(device);
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  if (dtype == at::kFloat) return launch_dequantise<float>(weight, out, stream);
  if (dtype == at::kHalf) return launch_dequantise<__half>(weight, out, stream);
  launch_dequantise<__nv_bfloat16>(weight, out, stream);
}

void absmax_cuda(const AbsmaxView& absmax, std::int64_t blocks, float* out, at::Device device) {
  const c10::cuda::CUDAGuard guard(device);
  absmax_kernel<<<grid_for(blocks, kThreads), kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
      absmax, blocks, out);
  check_launch("NF4 absmax");
}

}  // namespace tradeoff::quant
