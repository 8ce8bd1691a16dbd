#include <cstdint>

namespace tradeoff::model::cpu {
namespace {
struct Isa {
  static constexpr const char* kName = "baseline";
  static constexpr int kWidth = 4;
  static constexpr int kTileRows = 4;
  // bf16 rows are widened to floats before the product.
  static constexpr bool kPairDot = false;
  using HalfOperand = float;
};
}  // namespace
}  // namespace tradeoff::model::cpu

#include "kernels_impl.hpp"

#include "backward_impl.hpp"

namespace tradeoff::model::cpu {

const Kernels& kernels_baseline() {
  static const Kernels kernels = make_kernels();
  return kernels;
}

const BackwardKernels& backward_baseline() {
  static const BackwardKernels kernels = make_backward();
  return kernels;
}

}  // namespace tradeoff::model::cpu
