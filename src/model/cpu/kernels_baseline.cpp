#include <cstdint>

namespace tradeoff::model::cpu {
namespace {
constexpr int kWidth = 4;
constexpr int kTileRows = 4;
// bf16 rows are widened to floats before the product.
using HalfOperand = float;
}  // namespace
}  // namespace tradeoff::model::cpu

#include "kernels_impl.hpp"

#include "backward_impl.hpp"

namespace tradeoff::model::cpu {

const Kernels& kernels_baseline() {
  static const Kernels kernels = make_kernels("baseline");
  return kernels;
}

const BackwardKernels& backward_baseline() {
  static const BackwardKernels kernels = make_backward();
  return kernels;
}

}  // namespace tradeoff::model::cpu
