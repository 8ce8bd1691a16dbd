#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tradeoff/lora/options.hpp"
#include "tradeoff/model/adapter.hpp"

namespace tradeoff::lora {

/// The trainable parameters of one LoRA adapter.
struct Adapter {
  LoraOptions options;
  // float32 [count]: by layer, by projection, A row-major and then B.
  at::Tensor parameters;
  // Views of `parameters`.
  model::AdapterWeights weights;
};

/// An adapter for a model of this shape, on the CPU; every parameter is 0, so it changes nothing.
/// Throws Error where the options are wrong.
Adapter make_adapter(const model::DecoderConfig& config, const LoraOptions& options);

/// The views of `flat` (float32 [parameters.numel()], any device) that stand where the adapter's
/// matrices stand: gradients, optimizer moments.
model::AdapterWeights views_of(const at::Tensor& flat, const model::DecoderConfig& config,
                               const LoraOptions& options);

/// PEFT's start: A uniform in ±1/sqrt(in) (Kaiming with a = sqrt(5)), B zero. `seed` names the
/// draw (stream "lora_init"); equal on every machine.
void initialise(Adapter& adapter, std::uint64_t seed);

}  // namespace tradeoff::lora
