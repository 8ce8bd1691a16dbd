#include <cstdint>

namespace tradeoff::model::cpu {
namespace {
constexpr int kWidth = 8;
constexpr int kTileRows = 6;
// bf16 rows are widened to floats before the product.
using HalfOperand = float;
}  // namespace
}  // namespace tradeoff::model::cpu

#include "kernels_impl.hpp"

#include "backward_impl.hpp"

namespace tradeoff::model::cpu {

const Kernels& kernels_avx2() {
  static const Kernels kernels = make_kernels("avx2");
  return kernels;
}

const BackwardKernels& backward_avx2() {
  static const BackwardKernels kernels = make_backward();
  return kernels;
}

}  // namespace tradeoff::model::cpu
