#pragma once
#include <ATen/core/Tensor.h>

#include "tradeoff/infer/sampling.hpp"

namespace tradeoff::infer::cuda {

/// draw() of sampling.hpp for tensors on a CUDA device, token for token.
at::Tensor draw(const at::Tensor& logits, const Sampling& sampling, const at::Tensor& uniforms);

}  // namespace tradeoff::infer::cuda
