#pragma once
// What products with NF4 weights share: the table of a byte's values, the tensor cores'
// instruction, and how a warp reads its rows of W.
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

// c += a·b, 16 x 16 times 16 x 8.
__device__ inline void multiply_add(float (&c)[4], const unsigned (&a)[4], unsigned b0,
                                    unsigned b1) {
#if __CUDA_ARCH__ >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// A lane's 16 values of a block: 8 bytes of codes, or 32 bytes of x.
struct Codes {
  uint2 words;
  // The values of byte i; `bank` is 4 times the lane.
  __device__ unsigned pair(const char* table, int i, unsigned bank) const {
    const unsigned at = __byte_perm(i < 4 ? words.x : words.y, bank, 0x5504 | i % 4 << 4);
    return *reinterpret_cast<const unsigned*>(table + at);
  }
};
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
__device__ inline int place_of(int t) {
  return t >> 1 | (t & 1) << 1;
}

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

/// Whether wide_product_cuda takes it and is the faster one: 9 rows of x and more, whole pairs of
/// blocks, scales that need no second step, and a card of compute capability 9.0.
bool takes_wide_product(const ProductTask& task, c10::Device device);
void wide_product_cuda(const ProductTask& task, cudaStream_t stream);

}  // namespace tradeoff::quant
