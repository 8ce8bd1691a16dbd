#include "draw_cuda.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::infer::cuda {

at::Tensor draw(const at::Tensor&, const Sampling&, const at::Tensor&) {
  fail("this build has no CUDA kernels; run jobs/setup.sh --cuda on, or use --device cpu");
}

}  // namespace tradeoff::infer::cuda
