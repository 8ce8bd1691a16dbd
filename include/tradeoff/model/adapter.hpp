#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "tradeoff/model/projection.hpp"

/// The form in which a decoder takes LoRA updates; module lora makes, reads and writes them.
namespace tradeoff::model {

/// W is used as W + scaling · b·a (Hu et al. 2021, arXiv:2106.09685). Both undefined: no update.
struct LowRank {
  at::Tensor a;  // float32 [r, in]
  at::Tensor b;  // float32 [out, r]
  // lora_alpha / r, or / sqrt(r) with rsLoRA.
  double scaling = 1;
};

struct AdapterWeights {
  // One entry a layer, indexed by Projection.
  std::vector<std::array<LowRank, kProjections.size()>> layers;

  const LowRank& at(std::int64_t layer, Projection projection) const {
    return layers[static_cast<std::size_t>(layer)][static_cast<std::size_t>(projection)];
  }
};

/// Throws Error naming the projection unless every update is float32 and fits the model.
void check_adapter(const AdapterWeights& adapter, const DecoderConfig& config);

}  // namespace tradeoff::model
