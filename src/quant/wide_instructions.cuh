#pragma once
// The instructions of compute capability 9.0 that a wide product is made of (PTX ISA, wgmma,
// mbarrier, cp.async, setmaxnreg). Compiled for 9.0 with all of them ("90a") alone.
#include <cstdint>

#include "nf4_product.cuh"

#ifdef __CUDA_ARCH_FEAT_SM90_ALL
#define TRADEOFF_WIDE
#endif

namespace tradeoff::quant {

constexpr int kBlockBytes = kBlock * 2;  // of a row of x: what a product takes at once

#ifdef TRADEOFF_WIDE
// Where the tensor cores find 16 columns of x: rows of 128 bytes in groups of eight, whose pieces
// of 16 bytes are exchanged by the row's number.
__device__ inline std::uint64_t place_of_columns(unsigned at) {
  constexpr std::uint64_t kGroupBytes = 8 * kBlockBytes, kExchanged = 1;
  return (at & 0x3ffffu) >> 4 | std::uint64_t{1} << 16 | kGroupBytes >> 4 << 32 | kExchanged << 62;
}

// sums (+)= 64 rows of W times kTiles * 8 rows of x, 16 columns of both.
template <int kTiles>
__device__ void multiply(float (&sums)[4 * kTiles], const unsigned (&w)[4], std::uint64_t x,
                         bool add);

#define TRADEOFF_FOUR(i) "+f"(sums[i]), "+f"(sums[i + 1]), "+f"(sums[i + 2]), "+f"(sums[i + 3])
template <>
__device__ inline void multiply<2>(float (&sums)[8], const unsigned (&w)[4], std::uint64_t x,
                                   bool add) {
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %13, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 {%0,%1,%2,%3,%4,%5,%6,%7}, "
      "{%8,%9,%10,%11}, %12, p, 1, 1, 0;\n}\n"
      : TRADEOFF_FOUR(0), TRADEOFF_FOUR(4)
      : "r"(w[0]), "r"(w[1]), "r"(w[2]), "r"(w[3]), "l"(x), "r"(int{add}));
}
template <>
__device__ inline void multiply<4>(float (&sums)[16], const unsigned (&w)[4], std::uint64_t x,
                                   bool add) {
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %21, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 {%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,"
      "%11,%12,%13,%14,%15}, {%16,%17,%18,%19}, %20, p, 1, 1, 0;\n}\n"
      : TRADEOFF_FOUR(0), TRADEOFF_FOUR(4), TRADEOFF_FOUR(8), TRADEOFF_FOUR(12)
      : "r"(w[0]), "r"(w[1]), "r"(w[2]), "r"(w[3]), "l"(x), "r"(int{add}));
}
template <>
__device__ inline void multiply<8>(float (&sums)[32], const unsigned (&w)[4], std::uint64_t x,
                                   bool add) {
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %37, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,"
      "%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, "
      "{%32,%33,%34,%35}, %36, p, 1, 1, 0;\n}\n"
      : TRADEOFF_FOUR(0), TRADEOFF_FOUR(4), TRADEOFF_FOUR(8), TRADEOFF_FOUR(12), TRADEOFF_FOUR(16),
        TRADEOFF_FOUR(20), TRADEOFF_FOUR(24), TRADEOFF_FOUR(28)
      : "r"(w[0]), "r"(w[1]), "r"(w[2]), "r"(w[3]), "l"(x), "r"(int{add}));
}
#undef TRADEOFF_FOUR

template <int kCount>
__device__ void hold(float (&values)[kCount]) {  // they are not read or written across this
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+f"(values[i])::"memory");
}
__device__ inline void begin_multiplying() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void end_multiplying() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
__device__ inline void wait_for_products() {
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}
__device__ inline void copy_codes(unsigned to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}
__device__ inline void copy_scales(unsigned to, const void* from) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(to), "l"(from) : "memory");
}
__device__ inline void end_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int kUnderWay>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kUnderWay) : "memory");
}
template <int kCount>
__device__ void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kCount));
}
template <int kCount>
__device__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kCount));
}
// Until all teams of the cluster's blocks are here, and what they wrote to shared memory is seen.
template <int kThreads>
__device__ void wait_for_teams(int cluster) {
  if (cluster == 1) {
    asm volatile("bar.sync 1, %0;" ::"n"(kThreads) : "memory");
  } else {
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::
                     : "memory");
  }
}
// What this thread wrote to shared memory is there for the tensor cores. It waits for all that the
// thread has under way, loads too: so who copies x loads nothing of W.
__device__ inline void show_to_products() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
__device__ inline void begin_gate(unsigned gate, unsigned arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(gate), "r"(arrivals) : "memory");
}
__device__ inline void arrive(unsigned gate) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(gate) : "memory");
}
// Until a gate has opened so many times: an even number, or an odd one.
__device__ inline void wait_at(unsigned gate, unsigned odd) {
  asm volatile(
      "{\n.reg .pred p;\nWAIT:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n@!p bra WAIT;\n}\n" ::"r"(gate),
      "r"(odd)
      : "memory");
}
#endif

}  // namespace tradeoff::quant
