#pragma once
#include <c10/core/Device.h>

namespace tradeoff::quant {

/// Compute capability of a GPU, 75 for 7.5. Where the environment says TRADEOFF_CUDA_PATH=sm75, at
/// most 75, so that the ways of small cards can be tried on others. 0 in a build without CUDA.
int compute_capability(c10::Device device);

}  // namespace tradeoff::quant
