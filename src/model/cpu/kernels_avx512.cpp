#include <cstdint>

namespace tradeoff::model::cpu {
namespace {
constexpr int kWidth = 16;
constexpr int kTileRows = 12;
// bf16 rows are widened to floats before the product.
using HalfOperand = float;
}  // namespace
}  // namespace tradeoff::model::cpu

#include "kernels_impl.hpp"

#include "backward_impl.hpp"

namespace tradeoff::model::cpu {

const Kernels& kernels_avx512() {
  static const Kernels kernels = make_kernels("avx512");
  return kernels;
}

const BackwardKernels& backward_avx512() {
  static const BackwardKernels kernels = make_backward();
  return kernels;
}

}  // namespace tradeoff::model::cpu
