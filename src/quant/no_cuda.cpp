#include "nf4_kernels.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::quant {

void quantise_cuda(const QuantiseTask&, at::Device device) {
  fail("NF4 quantise on " + device.str() + ": this build has no CUDA kernels (TRADEOFF_CUDA)");
}

void dequantise_cuda(const Nf4View&, at::ScalarType, void*, at::Device device) {
  fail("NF4 dequantise on " + device.str() + ": this build has no CUDA kernels (TRADEOFF_CUDA)");
}

}  // namespace tradeoff::quant
