// The product of nf4_product_cuda.cu for 9 to 64 rows of x. There the bytes of x count too: each
// warp that reads it for its own rows of W asks the second-level cache for more than W has. Here a
// block of warps shares what it reads of x, in shared memory, and a cluster of blocks shares a
// tile's columns, and adds its sums through each other's memory.
#include <cooperative_groups.h>
#include <cuda_bf16.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "nf4_product.cuh"
#include "tradeoff/base/error.hpp"
#include "tradeoff/quant/overlap.cuh"

namespace tradeoff::quant {
namespace {

namespace cg = cooperative_groups;

constexpr int kSlices = 2, kStripRows = kSlices * kRows;  // of W, of a warp
constexpr int kUnit = 2 * kBlock;                         // columns that are one load of W
constexpr int kPieces = kUnit * 2 / 16;                   // copies of a unit's row of x
constexpr int kRowBytes = kUnit * 2 + 16;                 // rows of x begin in other banks
constexpr int kSumStride = kStripRows + 4;                // so do columns of sums

// Units of x in shared memory.
template <int kTiles>
constexpr int kRing = kTiles == 2   ? 16
                      : kTiles == 4 ? 12
                                    : 6;

__device__ inline void copy_ahead(unsigned to, const void* from) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
#endif
}
__device__ inline void end_group() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int kUnderWay>
__device__ void wait_for_groups() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kUnderWay) : "memory");
#endif
}

// The columns of one block of 64, times all rows of x, which lie at `x` from this lane's values on.
template <int kTiles>
__device__ void add_block(const Codes (&codes)[kSlices][2], const float (&absmax)[kSlices][2],
                          const char* table, const char* x, unsigned bank,
                          float (&sums)[kSlices][kTiles][4]) {
  constexpr int kGroup = kTiles < 4 ? kTiles : 4;  // products that do not wait for each other
  unsigned values[kSlices][4][4];
#pragma unroll
  for (int s = 0; s < kSlices; ++s) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        values[s][j][i] = codes[s][i % 2].pair(table, 2 * j + i / 2, bank);
    }
  }
#pragma unroll
  for (int n0 = 0; n0 < kTiles; n0 += kGroup) {
    Inputs inputs[kGroup];
    float partial[kGroup][kSlices][4] = {};
#pragma unroll
    for (int n = 0; n < kGroup; ++n) {
      const auto* const from = reinterpret_cast<const uint4*>(x + (n0 + n) * kCols * kRowBytes);
      inputs[n] = {from[0], from[1]};
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
#pragma unroll
      for (int n = 0; n < kGroup; ++n) {
#pragma unroll
        for (int s = 0; s < kSlices; ++s)
          multiply_add(partial[n][s], values[s][j], inputs[n].pair(2 * j),
                       inputs[n].pair(2 * j + 1));
      }
    }
#pragma unroll
    for (int n = 0; n < kGroup; ++n) {
#pragma unroll
      for (int s = 0; s < kSlices; ++s) {
#pragma unroll
        for (int i = 0; i < 4; ++i) sums[s][n0 + n][i] += partial[n][s][i] * absmax[s][i / 2];
      }
    }
  }
}

__device__ inline float value_at(const void* values, std::int64_t place) {
  return __bfloat162float(static_cast<const __nv_bfloat16*>(values)[place]);
}

// Four neighbouring numbers of a row of the output.
__device__ inline void store_four(const ProductTask& task, int row, int column, float4 sums) {
  float four[4] = {sums.x, sums.y, sums.z, sums.w};
  const std::int64_t place = static_cast<std::int64_t>(row) * task.out_columns + column;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    four[i] /= kTableScale;
    if (task.bias) four[i] += value_at(task.bias, column + i);
    if (task.residual) four[i] += value_at(task.residual, place + i);
  }
  auto* const to = reinterpret_cast<__nv_bfloat162*>(static_cast<__nv_bfloat16*>(task.out) + place);
  to[0] = __floats2bfloat162_rn(four[0], four[1]);
  to[1] = __floats2bfloat162_rn(four[2], four[3]);
}

// A tile is `strips` strips of rows of W, a warp each, or kKeys warps each; of its columns each
// block of the cluster has a share. Units of x go through a ring in shared memory, those of W
// through registers, kDepth of them ahead.
template <int kTiles, int kKeys, int kDepth, int kWarps>
__global__ void __launch_bounds__(kWarps* kWarp, 1)
    cluster_product_kernel(const __grid_constant__ ProductTask task, int strips, int cluster) {
#if __CUDA_ARCH__ >= 900
  constexpr int kThreads = kWarps * kWarp, kWide = kTiles * kCols;
  constexpr int kUnitBytes = kWide * kRowBytes, kStageBytes = kKeys * kUnitBytes;
  constexpr int kStages = kRing<kTiles> / kKeys, kUnderWay = kStages - 1;
  extern __shared__ __align__(16) char table[];
  char* const ring = table + kTableBytes;
  // From one lane, so that the compiler knows it to be one number for all.
  const int warp = __shfl_sync(0xffffffffu, threadIdx.x / kWarp, 0);
  const int lane = threadIdx.x % kWarp, group = lane / 4, t = lane % 4;
  const int strip = warp % strips, key = warp / strips;
  const int tile = blockIdx.x / cluster, rank = blockIdx.x % cluster;
  const int units = task.in / kUnit, first = units * rank / cluster;
  const int count = units * (rank + 1) / cluster - first;
  const int stages = (count + kKeys - 1) / kKeys;
  // What is beyond W's rows computes the last ones again, which nobody stores.
  const int row = (tile * strips + strip) * kStripRows;
  const Strip from =
      strip_at(task, min(row, task.out_columns - kStripRows), group, task.in / kBlock);
  Loaded<kSlices, 2> next[kDepth];
  const auto has = [&](int stage) { return key < kKeys && stage * kKeys + key < count; };
  const auto fetch = [&](int stage, Loaded<kSlices, 2>& to) {
    if (has(stage)) load_whole(from, 2 * (first + stage * kKeys + key), t, task.in / kBlock, to);
  };
#pragma unroll
  for (int d = 0; d < kDepth; ++d) fetch(d, next[d]);
  const int piece = threadIdx.x % kPieces, at_row = threadIdx.x / kPieces;
  const auto* const x_from = static_cast<const __nv_bfloat16*>(task.x) + first * kUnit + piece * 8;
  const unsigned x_to = static_cast<unsigned>(__cvta_generic_to_shared(ring)) + piece * 16;
  const auto copy_stage = [&](int stage, int slot) {
    constexpr int kTogether = kThreads / kPieces, kAll = kKeys * kWide;
#pragma unroll
    for (int done = 0; done < kAll; done += kTogether) {
      const int of = (done + at_row) / kWide, x_row = (done + at_row) % kWide;
      const int unit = stage * kKeys + of;
      if (unit < count && x_row < task.x_rows && (kAll % kTogether == 0 || of < kKeys))
        copy_ahead(x_to + slot * kStageBytes + of * kUnitBytes + x_row * kRowBytes,
                   x_from + (x_row * task.in + unit * kUnit));
    }
    end_group();
  };
  fill_table(table);
  wait_for_inputs();
  let_next_begin();
  for (int i = 0; i < kUnderWay; ++i) copy_stage(i, i);
  float sums[kSlices][kTiles][4] = {};
  const char* const mine = ring + key * kUnitBytes + group * kRowBytes + place_of(t) * 32;
  int slot = 0;
  for (int begin = 0; begin < stages; begin += kDepth) {
#pragma unroll
    for (int d = 0; d < kDepth; ++d) {
      const int stage = begin + d;
      if (stage >= stages) break;
      wait_for_groups<kUnderWay - 1>();
      __syncthreads();  // all see this stage, and have done with the one before
      copy_stage(stage + kUnderWay, slot == 0 ? kStages - 1 : slot - 1);
      const char* const x = mine + slot * kStageBytes;
      slot = slot == kStages - 1 ? 0 : slot + 1;
      if (!has(stage)) continue;
      const Loaded<kSlices, 2> loaded = exchanged(t, next[d]);
      fetch(stage + kDepth, next[d]);
#pragma unroll
      for (int a = 0; a < 2; ++a)
        add_block<kTiles>(loaded.codes[a], loaded.absmax[a], table, x + a * kBlock * 2,
                          lane * sizeof(unsigned), sums);
    }
  }
  wait_for_groups<0>();
  __syncthreads();
  // [warp][row of x][row of W]
  auto* const partial = reinterpret_cast<float*>(ring);
  if (key < kKeys) {
#pragma unroll
    for (int s = 0; s < kSlices; ++s) {
#pragma unroll
      for (int n = 0; n < kTiles; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int of_x = n * kCols + 2 * t + i % 2, of_w = s * kRows + group + 8 * (i / 2);
          partial[(warp * kWide + of_x) * kSumStride + of_w] = sums[s][n][i];
        }
      }
    }
  }
  const cg::cluster_group blocks = cg::this_cluster();
  blocks.sync();
  const int fours = strips * (kStripRows / 4);
  for (int i = rank * kThreads + threadIdx.x; i < fours * task.x_rows; i += cluster * kThreads) {
    const int four = i % fours, x_row = i / fours;
    const int of = four / (kStripRows / 4), of_w = four % (kStripRows / 4) * 4;
    const int column = tile * strips * kStripRows + of * kStripRows + of_w;
    if (column >= task.out_columns) continue;
    float4 sum = {0, 0, 0, 0};
    for (int r = 0; r < cluster; ++r) {
      const float* const theirs = blocks.map_shared_rank(partial, r);
#pragma unroll
      for (int k = 0; k < kKeys; ++k) {
        const float4 more = *reinterpret_cast<const float4*>(
            theirs + ((k * strips + of) * kWide + x_row) * kSumStride + of_w);
        sum = {sum.x + more.x, sum.y + more.y, sum.z + more.z, sum.w + more.w};
      }
    }
    store_four(task, x_row, column, sum);
  }
  blocks.sync();  // nobody's memory goes while it is read
#endif
}

// How a product is spread over the card.
struct Spread {
  int strips, cluster;
};

template <int kTiles>
constexpr int kWarpsOf = kTiles == 2   ? 16
                         : kTiles == 4 ? 12
                                       : 8;

template <int kTiles>
constexpr int shared_bytes() {
  constexpr int kWide = kTiles * kCols;
  return kTableBytes +
         std::max<int>(kRing<kTiles> * kWide * kRowBytes,
                       kWarpsOf<kTiles> * kWide * kSumStride * static_cast<int>(sizeof(float)));
}

template <int kTiles, int kKeys>
void start(const ProductTask& task, Spread spread, cudaStream_t stream) {
  constexpr int kDepth = 1, kWarps = kWarpsOf<kTiles>;
  const auto kernel = cluster_product_kernel<kTiles, kKeys, kDepth, kWarps>;
  // Beyond 48 KiB shared memory has to be asked for.
  static const cudaError_t allowed = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes<kTiles>());
  if (allowed != cudaSuccess) fail(std::string("NF4 product: ") + cudaGetErrorString(allowed));
  const int tile_rows = spread.strips * kStripRows;
  const int tiles = (task.out_columns + tile_rows - 1) / tile_rows;
  launch_clusters(kernel, static_cast<unsigned>(tiles * spread.cluster),
                  static_cast<unsigned>(spread.cluster), kWarps * kWarp, shared_bytes<kTiles>(),
                  stream, task, spread.strips, spread.cluster);
}

template <int kTiles>
void start(const ProductTask& task, Spread spread, cudaStream_t stream) {
  const int keys = kWarpsOf<kTiles> / spread.strips;
  if (keys >= 4) {
    start<kTiles, 4>(task, spread, stream);
  } else if (keys >= 2) {
    start<kTiles, 2>(task, spread, stream);
  } else {
    start<kTiles, 1>(task, spread, stream);
  }
}

// Clock cycles of a product that is spread so, as far as they differ. What the card has in each:
// of its memory 14 bytes a processor, of its second-level cache 24, and one row of 128 bytes of
// shared memory.
double cost_of(const ProductTask& task, int wide, Spread spread, int processors) {
  const int units = task.in / kUnit, tile_rows = spread.strips * kStripRows;
  const int tiles = (task.out_columns + tile_rows - 1) / tile_rows;
  // Clusters do not take a card's last processors.
  const int at_once =
      spread.cluster == 1 ? processors : (processors - processors % 8) / spread.cluster;
  const double rounds = (tiles + at_once - 1) / at_once;
  const double codes = spread.strips * kStripRows * (kUnit / 2 + 8.0), x = 2.0 * kUnit * wide;
  const double unit = std::max({codes / 14, (codes + x) / 24, spread.strips * (2.0 * wide + 64)});
  return rounds * ((units + spread.cluster - 1) / spread.cluster * unit + 2500 +
                   (spread.cluster > 1 ? 500 : 0));
}

Spread best_spread(const ProductTask& task, int wide, int most, int processors) {
  Spread best{4, 1};
  for (const int cluster : {1, 2, 4, 8}) {
    for (int strips = 2; strips <= most; ++strips) {
      const Spread spread{strips, cluster};
      if (cost_of(task, wide, spread, processors) < cost_of(task, wide, best, processors))
        best = spread;
    }
  }
  return best;
}

}  // namespace

bool takes_clusters(const ProductTask& task) {
  const auto whole = [](const void* address, std::uintptr_t bytes) {
    return reinterpret_cast<std::uintptr_t>(address) % bytes == 0;
  };
  return task.in % kUnit == 0 && whole(task.x, 16) && whole(task.out, 4) &&
         std::ranges::all_of(task.parts, [&](const ProductTask::Part& part) {
           return part.rows == 0 ||
                  (part.weight.absmax.values && whole(part.weight.absmax.values, 8) &&
                   whole(part.weight.packed, 16));
         });
}

template <int kTiles>
void spread_out(const ProductTask& task, int processors, cudaStream_t stream) {
  start<kTiles>(task, best_spread(task, kTiles * kCols, kWarpsOf<kTiles>, processors), stream);
}

void cluster_product_cuda(const ProductTask& task, int processors, cudaStream_t stream) {
  if (task.x_rows <= 16) {
    spread_out<2>(task, processors, stream);
  } else if (task.x_rows <= 32) {
    spread_out<4>(task, processors, stream);
  } else {
    spread_out<8>(task, processors, stream);
  }
}

}  // namespace tradeoff::quant
