// x·Wᵀ for few rows of x from the codes of W, read once: a decode step is bound by the bytes of W,
// and writing W out in 16 bits costs nine times those of the codes.
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_bf16.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "nf4_kernels.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/quant/capability.hpp"

namespace tradeoff::quant {
namespace {

constexpr int kWarp = 32;
constexpr int kBlock = 64;            // values that share one absmax
constexpr int kRows = 16, kCols = 8;  // of one mma's result: rows of W, rows of x
constexpr int kAhead = 4;             // blocks whose loads a warp starts before it uses the first

// The 16 values times this lie nearest to bfloat16's numbers: their rounding is 0.06 % in the root
// mean square, where that of dequantised weights is 0.11 %. absmax is divided by it.
constexpr float kTableScale = 1.437f;

// Both values of each byte as a pair of bfloat16, 32 times, so that lane i reads bank i alone.
constexpr int kTableWords = 256 * kWarp;

__constant__ float kValues[16] = {kNf4[0],  kNf4[1],  kNf4[2],  kNf4[3], kNf4[4],  kNf4[5],
                                  kNf4[6],  kNf4[7],  kNf4[8],  kNf4[9], kNf4[10], kNf4[11],
                                  kNf4[12], kNf4[13], kNf4[14], kNf4[15]};

__device__ void fill_table(unsigned* table) {
  // The first value of a byte is in its high half, the first of a pair in the low half.
  if (threadIdx.x >= 256) {
    __syncthreads();
    return;
  }
  const __nv_bfloat162 pair = __floats2bfloat162_rn(kValues[threadIdx.x >> 4] * kTableScale,
                                                    kValues[threadIdx.x & 15] * kTableScale);
  const unsigned word = *reinterpret_cast<const unsigned*>(&pair);
  const uint4 four = {word, word, word, word};
  // Each lane starts at another place, so that a warp's stores spread over the banks.
  for (int i = 0; i < kWarp / 4; ++i) {
    const int at = (i + static_cast<int>(threadIdx.x)) % (kWarp / 4);
    *reinterpret_cast<uint4*>(table + threadIdx.x * kWarp + at * 4) = four;
  }
  __syncthreads();
}

// c += a·b, 16 x 16 times 16 x 8.
__device__ void multiply_add(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// A lane's 16 values of a block: 8 bytes of codes, or 32 bytes of x.
struct Codes {
  uint2 words;
  __device__ unsigned byte(int i) const {
    return (i < 4 ? words.x >> (8 * i) : words.y >> (8 * (i - 4))) & 255u;
  }
};
struct Inputs {
  uint4 low, high;
  __device__ unsigned pair(int i) const {
    const unsigned words[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
    return words[i];
  }
};

// Of the order of a block's values a product knows nothing, so lane t of four takes values 16 t to
// 16 t + 15 and its mma number j those from 16 t + 4 j on, of W and x alike: one load each. A warp
// takes kAhead neighbouring blocks at a time, whose loads are all under way before the first is
// used.
template <int kSlices, int kTiles, int kWarps>
__global__ void __launch_bounds__(kWarps* kWarp, kSlices* kTiles* kWarps <= 32 ? 2 : 1)
    product_kernel(const __grid_constant__ ProductTask task, int tiles) {
  constexpr int kThreads = kWarps * kWarp, kWide = kTiles * kCols, kAll = kRows * kWide;
  constexpr int kAhead = kSlices == 1 ? 4 : 2;
  __shared__ __align__(16) unsigned table[kTableWords];
  extern __shared__ float shared[];  // [kWarps][kRows][kWide]
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, group = lane / 4, t = lane % 4;
  const int blocks = task.in / kBlock;
  const auto* const x = static_cast<const __nv_bfloat16*>(task.x);
  fill_table(table);
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    // The part of W that holds these rows.
    int first = tile * kSlices * kRows, part = 0;
    while (first >= task.parts[part].rows) first -= task.parts[part++].rows;
    const Nf4View& weight = task.parts[part].weight;
    const uint2* const packed = reinterpret_cast<const uint2*>(weight.packed) +
                                static_cast<std::int64_t>(first + group) * blocks * (kBlock / 16) +
                                t;
    const std::int64_t from_row = static_cast<std::int64_t>(first + group) * blocks;
    float sums[kSlices][kTiles][4] = {};
    for (int at = warp * kAhead; at < blocks; at += kWarps * kAhead) {
      Codes codes[kAhead][kSlices][2];
      float absmax[kAhead][kSlices][2];
#pragma unroll
      for (int a = 0; a < kAhead; ++a) {
        // Beyond the last block: the last one once more, times nothing.
        const int block = min(at + a, blocks - 1);
#pragma unroll
        for (int s = 0; s < kSlices; ++s) {
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const std::int64_t rows_on = static_cast<std::int64_t>(s * kRows + half * 8) * blocks;
            codes[a][s][half].words = __ldcs(packed + (rows_on + block) * (kBlock / 16));
            const float scale = weight.absmax(from_row + rows_on + block);
            absmax[a][s][half] = at + a < blocks ? scale : 0.0f;
          }
        }
      }
#pragma unroll
      for (int a = 0; a < kAhead; ++a) {
        const int column = min(at + a, blocks - 1) * kBlock + 16 * t;
        unsigned values[kSlices][4][4];
#pragma unroll
        for (int s = 0; s < kSlices; ++s) {
#pragma unroll
          for (int j = 0; j < 4; ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i)
              values[s][j][i] = table[codes[a][s][i % 2].byte(2 * j + i / 2) * kWarp + lane];
          }
        }
#pragma unroll
        for (int n = 0; n < kTiles; ++n) {
          const int row = min(n * kCols + group, task.x_rows - 1);
          const auto* const from =
              reinterpret_cast<const uint4*>(x + static_cast<std::int64_t>(row) * task.in + column);
          const Inputs inputs = {__ldg(from), __ldg(from + 1)};
#pragma unroll
          for (int s = 0; s < kSlices; ++s) {
            float partial[4] = {};
#pragma unroll
            for (int j = 0; j < 4; ++j)
              multiply_add(partial, values[s][j], inputs.pair(2 * j), inputs.pair(2 * j + 1));
#pragma unroll
            for (int i = 0; i < 4; ++i) sums[s][n][i] += partial[i] * absmax[a][s][i / 2];
          }
        }
      }
    }
    // The warps' sums, one after another, a slice at a time.
#pragma unroll
    for (int s = 0; s < kSlices; ++s) {
#pragma unroll
      for (int n = 0; n < kTiles; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int row = group + 8 * (i / 2), column = n * kCols + 2 * t + i % 2;
          shared[warp * kAll + row * kWide + column] = sums[s][n][i];
        }
      }
      __syncthreads();
      for (int i = threadIdx.x; i < kAll; i += kThreads) {
        // Neighbouring threads write neighbouring columns of the output.
        const int row = i % kRows, column = i / kRows;
        if (column >= task.x_rows) break;
        float sum = 0;
        for (int w = 0; w < kWarps; ++w) sum += shared[w * kAll + row * kWide + column];
        sum /= kTableScale;
        const int out = (tile * kSlices + s) * kRows + row;
        const std::int64_t place = static_cast<std::int64_t>(column) * task.out_columns + out;
        if (task.bias) sum += __bfloat162float(static_cast<const __nv_bfloat16*>(task.bias)[out]);
        if (task.residual)
          sum += __bfloat162float(static_cast<const __nv_bfloat16*>(task.residual)[place]);
        static_cast<__nv_bfloat16*>(task.out)[place] = __float2bfloat16_rn(sum);
      }
      __syncthreads();
    }
  }
}

template <int kSlices, int kTiles, int kWarps>
void launch(const ProductTask& task, int processors, cudaStream_t stream) {
  const int tiles = task.out_columns / (kSlices * kRows);
  constexpr int kBytes = sizeof(float) * kWarps * kRows * kTiles * kCols;
  const auto kernel = product_kernel<kSlices, kTiles, kWarps>;
  // Beyond 48 KiB together with the table, shared memory has to be asked for.
  static const cudaError_t allowed =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
  if (allowed != cudaSuccess) fail(std::string("NF4 product: ") + cudaGetErrorString(allowed));
  kernel<<<std::min(tiles, 2 * processors), kWarps * kWarp, kBytes, stream>>>(task, tiles);
}

}  // namespace

int compute_capability(c10::Device device) {
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index());
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device.index());
  const char* const path = std::getenv("TRADEOFF_CUDA_PATH");
  const bool small = path && std::string_view(path) == "sm75";
  return small ? std::min(75, 10 * major + minor) : 10 * major + minor;
}

void product_cuda(const ProductTask& task, at::Device device) {
  const c10::cuda::CUDAGuard guard(device);
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  int processors = 0;
  cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device.index());
  if (task.x_rows <= 8) {
    launch<1, 1, 16>(task, processors, stream);
  } else if (task.x_rows <= 16) {
    launch<1, 2, 16>(task, processors, stream);
  } else if (task.x_rows <= 32) {
    launch<2, 4, 8>(task, processors, stream);
  } else {
    launch<2, 8, 8>(task, processors, stream);
  }
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess) fail(std::string("NF4 product: ") + cudaGetErrorString(status));
}

}  // namespace tradeoff::quant
