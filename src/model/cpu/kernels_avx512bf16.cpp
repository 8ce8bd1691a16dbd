#include <immintrin.h>

#include <cstdint>

#define TRADEOFF_PAIR_DOT

namespace tradeoff::model::cpu {
namespace {
constexpr int kWidth = 16;
constexpr int kTileRows = 12;
// bf16 rows go to the pair dot product as they are.
using HalfOperand = std::uint16_t;

typedef float DotFloats __attribute__((vector_size(64), aligned(4), may_alias));
typedef std::uint32_t DotPairs __attribute__((vector_size(64), aligned(4), may_alias));
// acc + Σ over each 32-bit lane of the two bf16 products.
inline DotFloats dot_pairs(DotFloats acc, DotPairs a, DotPairs b) {
  return reinterpret_cast<DotFloats>(_mm512_dpbf16_ps(
      reinterpret_cast<__m512>(acc), reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b)));
}
// To the nearest bf16, ties to even; NaN stays one, numbers below 2^-126 become 0.
inline void put_rounded(std::uint16_t* to, DotFloats value) {
  _mm256_storeu_si256(
      reinterpret_cast<__m256i*>(to),
      reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(value))));
}
}  // namespace
}  // namespace tradeoff::model::cpu

#include "kernels_impl.hpp"

#include "backward_impl.hpp"

namespace tradeoff::model::cpu {

const Kernels& kernels_avx512bf16() {
  static const Kernels kernels = make_kernels("avx512bf16");
  return kernels;
}

const BackwardKernels& backward_avx512bf16() {
  static const BackwardKernels kernels = make_backward();
  return kernels;
}

}  // namespace tradeoff::model::cpu
