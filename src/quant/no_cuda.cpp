#include "nf4_kernels.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/quant/capability.hpp"

namespace tradeoff::quant {

void quantise_cuda(const QuantiseTask&, at::Device device) {
  fail("NF4 quantise on " + device.str() + ": this build has no CUDA kernels (TRADEOFF_CUDA)");
}

void dequantise_cuda(const Nf4View&, at::ScalarType, void*, at::Device device) {
  fail("NF4 dequantise on " + device.str() + ": this build has no CUDA kernels (TRADEOFF_CUDA)");
}

void absmax_cuda(const AbsmaxView&, std::int64_t, float*, at::Device device) {
  fail("NF4 absmax on " + device.str() + ": this build has no CUDA kernels (TRADEOFF_CUDA)");
}

int compute_capability(c10::Device) {
  return 0;
}

void product_cuda(const ProductTask&, at::Device device) {
  fail("NF4 product on " + device.str() + ": this build has no CUDA kernels (TRADEOFF_CUDA)");
}

}  // namespace tradeoff::quant
