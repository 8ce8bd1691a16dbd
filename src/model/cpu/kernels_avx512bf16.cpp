#include <immintrin.h>

#include <cstdint>

namespace tradeoff::model::cpu {
namespace {
struct Isa {
  static constexpr const char* kName = "avx512bf16";
  static constexpr int kWidth = 16;
  static constexpr int kTileRows = 12;
  // bf16 rows go to the pair dot product as they are.
  static constexpr bool kPairDot = true;
  using HalfOperand = std::uint16_t;

  typedef float Floats __attribute__((vector_size(64), aligned(4), may_alias));
  typedef std::uint32_t Pairs __attribute__((vector_size(64), aligned(4), may_alias));
  // acc + Σ over each 32-bit lane of the two bf16 products.
  static Floats dot_pairs(Floats acc, Pairs a, Pairs b) {
    return reinterpret_cast<Floats>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(acc),
                                                     reinterpret_cast<__m512bh>(a),
                                                     reinterpret_cast<__m512bh>(b)));
  }
  // To the nearest bf16, ties to even; NaN stays one, numbers below 2^-126 become 0.
  static void put_rounded(std::uint16_t* to, Floats value) {
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(to),
        reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(value))));
  }
};
}  // namespace
}  // namespace tradeoff::model::cpu

#include "kernels_impl.hpp"

#include "backward_impl.hpp"

namespace tradeoff::model::cpu {

const Kernels& kernels_avx512bf16() {
  static const Kernels kernels = make_kernels();
  return kernels;
}

const BackwardKernels& backward_avx512bf16() {
  static const BackwardKernels kernels = make_backward();
  return kernels;
}

}  // namespace tradeoff::model::cpu
