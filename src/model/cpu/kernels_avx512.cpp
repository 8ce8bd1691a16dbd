#include <cstdint>

namespace tradeoff::model::cpu {
namespace {
struct Isa {
  static constexpr const char* kName = "avx512";
  static constexpr int kWidth = 16;
  static constexpr int kTileRows = 12;
  // bf16 rows are widened to floats before the product.
  static constexpr bool kPairDot = false;
  using HalfOperand = float;
};
}  // namespace
}  // namespace tradeoff::model::cpu

#include "kernels_impl.hpp"

#include "backward_impl.hpp"

namespace tradeoff::model::cpu {

const Kernels& kernels_avx512() {
  static const Kernels kernels = make_kernels();
  return kernels;
}

const BackwardKernels& backward_avx512() {
  static const BackwardKernels kernels = make_backward();
  return kernels;
}

}  // namespace tradeoff::model::cpu
