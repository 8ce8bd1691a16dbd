#pragma once
// What products with NF4 weights share: the table of a byte's values, and where a warp finds its
// rows of W.
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "nf4_kernels.hpp"

namespace tradeoff::quant {

constexpr int kWarp = 32;
constexpr int kBlock = 64;            // values that share one absmax
constexpr int kRows = 16, kCols = 8;  // of one mma's result: rows of W, rows of x

// The 16 values times this lie nearest to bfloat16's numbers: their rounding is 0.06 % in the root
// mean square, where that of dequantised weights is 0.11 %. absmax is divided by it.
constexpr float kTableScale = 1.437f;

// Both values of each byte as a pair of bfloat16, 32 times, so that lane i reads bank i alone. Of
// 256 bytes an entry half are empty: so a byte and a lane make an address in one instruction.
constexpr int kEntryBytes = 256, kTableBytes = 256 * kEntryBytes;

static __constant__ float kValues[16] = {kNf4[0],  kNf4[1],  kNf4[2],  kNf4[3], kNf4[4],  kNf4[5],
                                         kNf4[6],  kNf4[7],  kNf4[8],  kNf4[9], kNf4[10], kNf4[11],
                                         kNf4[12], kNf4[13], kNf4[14], kNf4[15]};

__device__ inline void fill_table(char* table) {
  // The first value of a byte is in its high half, the first of a pair in the low half.
  if (threadIdx.x < 256) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(kValues[threadIdx.x >> 4] * kTableScale,
                                                      kValues[threadIdx.x & 15] * kTableScale);
    const unsigned word = *reinterpret_cast<const unsigned*>(&pair);
    const uint4 four = {word, word, word, word};
    // Each lane starts at another place, so that a warp's stores spread over the banks.
    for (int i = 0; i < kWarp / 4; ++i) {
      const int at = (i + static_cast<int>(threadIdx.x)) % (kWarp / 4);
      *reinterpret_cast<uint4*>(table + threadIdx.x * kEntryBytes + at * sizeof(uint4)) = four;
    }
  }
  __syncthreads();
}

// A lane's 16 values of a block: 8 bytes of codes.
struct Codes {
  uint2 words;
  // The values of byte i; `bank` is 4 times the lane.
  __device__ unsigned pair(const char* table, int i, unsigned bank) const {
    const unsigned at = __byte_perm(i < 4 ? words.x : words.y, bank, 0x5504 | i % 4 << 4);
    return *reinterpret_cast<const unsigned*>(table + at);
  }
};

// A warp's view of W: a strip of its rows, in the part that holds it, from this lane's first one.
struct Strip {
  const std::uint8_t* packed;
  AbsmaxView absmax;
  std::int64_t from;  // number of the row's first block in `absmax`
};

__device__ inline Strip strip_at(const ProductTask& task, int first, int group, int blocks) {
  int part = 0;
  while (first >= task.parts[part].rows) first -= task.parts[part++].rows;
  const Nf4View& weight = task.parts[part].weight;
  const std::int64_t from = static_cast<std::int64_t>(first + group) * blocks;
  return {weight.packed + from * (kBlock / 2), weight.absmax, from};
}

/// Whether wide_product_cuda takes it and is the faster one: 9 rows of x and more, whole pairs of
/// blocks, scales that need no second step, and a card of compute capability 9.0.
bool takes_wide_product(const ProductTask& task, c10::Device device);
void wide_product_cuda(const ProductTask& task, cudaStream_t stream);

}  // namespace tradeoff::quant
