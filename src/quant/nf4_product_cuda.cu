// x·Wᵀ for few rows of x from the codes of W, read once: a decode step is bound by the bytes of W,
// and writing W out in 16 bits costs nine times those of the codes.
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_bf16.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "nf4_product.cuh"
#include "tradeoff/base/error.hpp"
#include "tradeoff/quant/capability.hpp"
#include "tradeoff/quant/overlap.cuh"

namespace tradeoff::quant {
namespace {

// c += a·b, 16 x 16 times 16 x 8.
__device__ void multiply_add(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// A lane's 16 values of a row of x: 32 bytes.
struct Inputs {
  uint4 low, high;
  __device__ unsigned pair(int i) const {
    const unsigned words[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
    return words[i];
  }
};

// Blocks of a strip of rows (kSlices * kRows of W) as loaded, kAhead neighbouring ones.
template <int kSlices, int kAhead>
struct Loaded {
  Codes codes[kAhead][kSlices][2];
  float absmax[kAhead][kSlices][2];
};

// Where in a block lane t of four has its 16 values: 16 times this. In this order two blocks are
// one load of 16 bytes a lane and one exchange between lanes.
__device__ int place_of(int t) {
  return t >> 1 | (t & 1) << 1;
}

// Blocks in whole groups of kAhead: two blocks are one load, and a group's scales too.
template <int kSlices, int kAhead>
__device__ void load_whole(const Strip& strip, int at, int t, int blocks,
                           Loaded<kSlices, kAhead>& to) {
#pragma unroll
  for (int s = 0; s < kSlices; ++s) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const unsigned block = (s * kRows + half * 8) * blocks + at;
      const auto* const codes =
          reinterpret_cast<const uint4*>(strip.packed + block * (kBlock / 2) + t * sizeof(uint4));
      const float* const from = strip.absmax.values + strip.from + block;
#pragma unroll
      for (int a = 0; a < kAhead; a += 2) {
        const uint4 two = __ldcs(codes + a * (kBlock / 2) / sizeof(uint4));
        to.codes[a][s][half].words = {two.x, two.y};
        to.codes[a + 1][s][half].words = {two.z, two.w};
      }
      if constexpr (kAhead == 4) {
        const float4 scales = __ldg(reinterpret_cast<const float4*>(from));
        to.absmax[0][s][half] = scales.x;
        to.absmax[1][s][half] = scales.y;
        to.absmax[2][s][half] = scales.z;
        to.absmax[3][s][half] = scales.w;
      } else {
        const float2 scales = __ldg(reinterpret_cast<const float2*>(from));
        to.absmax[0][s][half] = scales.x;
        to.absmax[1][s][half] = scales.y;
      }
    }
  }
}

// Of what load_whole got, lanes 0 and 1 have all of the first block of two, 2 and 3 of the second:
// each gives away half.
template <int kSlices, int kAhead>
__device__ Loaded<kSlices, kAhead> exchanged(int t, const Loaded<kSlices, kAhead>& from) {
  const bool first = t < 2;
  Loaded<kSlices, kAhead> to = from;
#pragma unroll
  for (int a = 0; a < kAhead; a += 2) {
#pragma unroll
    for (int s = 0; s < kSlices; ++s) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint2 one = from.codes[a][s][half].words, other = from.codes[a + 1][s][half].words;
        const unsigned x = __shfl_xor_sync(0xffffffffu, first ? other.x : one.x, 2),
                       y = __shfl_xor_sync(0xffffffffu, first ? other.y : one.y, 2);
        to.codes[a][s][half].words = {first ? one.x : x, first ? one.y : y};
        to.codes[a + 1][s][half].words = {first ? x : other.x, first ? y : other.y};
      }
    }
  }
  return to;
}

// Any blocks and scales. Beyond the last block: the last one once more, times nothing.
template <int kSlices, int kAhead>
__device__ void load(const Strip& strip, int at, int t, int blocks, Loaded<kSlices, kAhead>& to) {
#pragma unroll
  for (int a = 0; a < kAhead; ++a) {
    const int block = min(at + a, blocks - 1);
#pragma unroll
    for (int s = 0; s < kSlices; ++s) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const std::int64_t number =
            static_cast<std::int64_t>(s * kRows + half * 8) * blocks + block;
        to.codes[a][s][half].words = __ldcs(
            reinterpret_cast<const uint2*>(strip.packed + number * (kBlock / 2)) + place_of(t));
        const float scale = strip.absmax(strip.from + number);
        to.absmax[a][s][half] = at + a < blocks ? scale : 0.0f;
      }
    }
  }
}

// Of the order of a block's values a product knows nothing, so a lane takes 16 neighbouring values
// (place_of) and its mma number j four of them, of W and x alike: one load each. A tile
// has kStrips strips of rows, whose warps read the same x at the same time, out of the nearest
// cache; kKeys warps share a strip's columns. While a warp multiplies, what it needs next is on its
// way, also the next tile's, and the first before the table is there.
// `kWhole`: load_whole can load it.
template <int kSlices, int kTiles, int kStrips, int kKeys, int kAhead, int kBlocks, bool kWhole>
__global__ void __launch_bounds__(kStrips* kKeys* kWarp, kBlocks)
    product_kernel(const __grid_constant__ ProductTask task, int tiles) {
  constexpr int kWarps = kStrips * kKeys, kThreads = kWarps * kWarp, kWide = kTiles * kCols;
  constexpr int kStripRows = kSlices * kRows, kTileRows = kStrips * kStripRows;
  constexpr int kAll = kRows * kWide, kStep = kKeys * kAhead;
  // Products that do not wait for each other: of several rows of x, or parts of a sum.
  constexpr int kGroup = kTiles < 4 ? kTiles : 4;
  constexpr int kChains = kGroup * kSlices >= 4 ? 1 : 2;
  extern __shared__ __align__(16) char table[];
  auto* const shared = reinterpret_cast<float*>(table + kTableBytes);  // [kWarps][kRows][kWide]
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, group = lane / 4, t = lane % 4;
  const int strip = warp % kStrips, key = warp / kStrips;
  const int blocks = task.in / kBlock;
  const auto* const x = static_cast<const __nv_bfloat16*>(task.x) + 16 * place_of(t);
  // A strip beyond W's rows computes the last one again, which nobody stores.
  const auto view = [&](int tile) {
    const int first = min(tile * kTileRows + strip * kStripRows, task.out_columns - kStripRows);
    return strip_at(task, first, group, blocks);
  };
  Loaded<kSlices, kAhead> next;
  const auto fetch = [&](const Strip& from, int at) {
    if constexpr (kWhole) {
      load_whole(from, min(at, blocks - kAhead), t, blocks, next);
    } else {
      load(from, at, t, blocks, next);
    }
  };
  Strip now = view(min(static_cast<int>(blockIdx.x), tiles - 1));
  fetch(now, key * kAhead);
  fill_table(table);
  wait_for_inputs();
  let_next_begin();
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    float sums[kSlices][kTiles][4] = {};
    for (int at = key * kAhead; at < blocks; at += kStep) {
      Loaded<kSlices, kAhead> loaded;
      if constexpr (kWhole) {
        loaded = exchanged(t, next);
      } else {
        loaded = next;
      }
      if (at + kStep < blocks) {
        fetch(now, at + kStep);
      } else if (tile + static_cast<int>(gridDim.x) < tiles) {
        now = view(tile + gridDim.x);
        fetch(now, key * kAhead);
      }
#pragma unroll
      for (int a = 0; a < kAhead; ++a) {
        const int column = (kWhole ? at + a : min(at + a, blocks - 1)) * kBlock;
        unsigned values[kSlices][4][4];
#pragma unroll
        for (int s = 0; s < kSlices; ++s) {
#pragma unroll
          for (int j = 0; j < 4; ++j) {
#pragma unroll
            for (int i = 0; i < 4; ++i)
              values[s][j][i] =
                  loaded.codes[a][s][i % 2].pair(table, 2 * j + i / 2, lane * sizeof(unsigned));
          }
        }
#pragma unroll
        for (int n0 = 0; n0 < kTiles; n0 += kGroup) {
          Inputs inputs[kGroup];
          float partial[kGroup][kSlices][kChains][4] = {};
#pragma unroll
          for (int n = 0; n < kGroup; ++n) {
            const int row = min((n0 + n) * kCols + group, task.x_rows - 1);
            const auto* const from = reinterpret_cast<const uint4*>(
                x + static_cast<std::int64_t>(row) * task.in + column);
            inputs[n] = {from[0], from[1]};
          }
#pragma unroll
          for (int j = 0; j < 4; ++j) {
#pragma unroll
            for (int n = 0; n < kGroup; ++n) {
#pragma unroll
              for (int s = 0; s < kSlices; ++s)
                multiply_add(partial[n][s][j % kChains], values[s][j], inputs[n].pair(2 * j),
                             inputs[n].pair(2 * j + 1));
            }
          }
#pragma unroll
          for (int n = 0; n < kGroup; ++n) {
#pragma unroll
            for (int s = 0; s < kSlices; ++s) {
#pragma unroll
              for (int i = 0; i < 4; ++i) {
                float sum = partial[n][s][0][i];
#pragma unroll
                for (int c = 1; c < kChains; ++c) sum += partial[n][s][c][i];
                sums[s][n0 + n][i] += sum * loaded.absmax[a][s][i / 2];
              }
            }
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
      for (int i = threadIdx.x; i < kStrips * kAll; i += kThreads) {
        // Neighbouring threads write neighbouring columns of the output.
        const int row = i % kRows, of = i / kRows % kStrips, column = i / (kRows * kStrips);
        const int in_tile = of * kStripRows + s * kRows + row;
        if (column >= task.x_rows) break;
        float sum = 0;
        for (int k = 0; k < kKeys; ++k)
          sum += shared[(k * kStrips + of) * kAll + row * kWide + column];
        const int out = tile * kTileRows + in_tile;
        if (out >= task.out_columns) continue;
        sum /= kTableScale;
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

template <int kSlices, int kTiles, int kStrips, int kKeys, int kAhead, int kBlocks, bool kWhole>
void start_kernel(const ProductTask& task, int processors, cudaStream_t stream) {
  constexpr int kTileRows = kStrips * kSlices * kRows, kWarps = kStrips * kKeys;
  const int tiles = (task.out_columns + kTileRows - 1) / kTileRows;
  constexpr int kBytes = kTableBytes + sizeof(float) * kWarps * kRows * kTiles * kCols;
  const auto kernel = product_kernel<kSlices, kTiles, kStrips, kKeys, kAhead, kBlocks, kWhole>;
  // Beyond 48 KiB shared memory has to be asked for.
  static const cudaError_t allowed =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
  if (allowed != cudaSuccess) fail(std::string("NF4 product: ") + cudaGetErrorString(allowed));
  launch(kernel, static_cast<unsigned>(std::min(tiles, kBlocks * processors)), kWarps * kWarp,
         kBytes, stream, task, tiles);
}

template <int kSlices, int kTiles, int kStrips, int kKeys, int kAhead, int kBlocks>
void start(const ProductTask& task, int processors, cudaStream_t stream) {
  // Whole groups of blocks everywhere, and scales that need no second step.
  bool whole = kAhead % 2 == 0 && task.in / kBlock % kAhead == 0;
  for (const ProductTask::Part& part : task.parts) {
    if (part.rows == 0) continue;
    whole = whole && part.weight.absmax.values &&
            reinterpret_cast<std::uintptr_t>(part.weight.absmax.values) % 16 == 0 &&
            reinterpret_cast<std::uintptr_t>(part.weight.packed) % 16 == 0;
  }
  if constexpr (kAhead % 2 == 0) {
    if (whole)
      return start_kernel<kSlices, kTiles, kStrips, kKeys, kAhead, kBlocks, true>(task, processors,
                                                                                  stream);
  }
  start_kernel<kSlices, kTiles, kStrips, kKeys, kAhead, kBlocks, false>(task, processors, stream);
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
  if (takes_wide_product(task, device)) return wide_product_cuda(task, stream);
  int processors = 0;
  cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device.index());
  // Where W has rows enough, warps that share what they read of x are better than more tiles.
  const bool tall = task.out_columns >= 4 * ProductTask::kTileRows * processors;
  if (task.x_rows <= 8) {
    start<1, 1, 1, 8, 4, 2>(task, processors, stream);
  } else if (task.x_rows <= 16) {
    start<2, 2, 1, 8, 4, 1>(task, processors, stream);
  } else if (task.x_rows <= 32) {
    tall ? start<2, 4, 4, 2, 2, 1>(task, processors, stream)
         : start<2, 4, 1, 8, 2, 1>(task, processors, stream);
  } else {
    tall ? start<2, 8, 4, 2, 1, 1>(task, processors, stream)
         : start<2, 8, 1, 8, 2, 1>(task, processors, stream);
  }
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess) fail(std::string("NF4 product: ") + cudaGetErrorString(status));
}

}  // namespace tradeoff::quant
