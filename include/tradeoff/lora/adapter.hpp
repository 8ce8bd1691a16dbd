#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tradeoff/lora/modules.hpp"
#include "tradeoff/lora/options.hpp"
#include "tradeoff/model/adapter.hpp"

namespace tradeoff::lora {

/// The trainable parameters of one LoRA adapter.
struct Adapter {
  // The targets are spelled out. Where modules differ: the file's own r and alpha, and every
  // product that is a target somewhere.
  LoraOptions options;
  AdapterForm form;
  // float32 [count]: by layer, by projection, A row-major and then B.
  at::Tensor parameters;
  // Views of `parameters`.
  model::AdapterWeights weights;
};

/// An adapter for a model of this shape, on the CPU; every parameter is 0, so it changes nothing.
/// Throws Error where the options are wrong.
Adapter make_adapter(const model::DecoderConfig& config, const LoraOptions& options);

/// The same of any form.
Adapter make_adapter(const model::DecoderConfig& config, const LoraOptions& options,
                     const AdapterForm& form);

/// True where the options say all of the adapter's form. Only such adapters are trained.
bool is_alike(const Adapter& adapter);

/// The views of `flat` (float32 [parameters.numel()], any device) that stand where the adapter's
/// matrices stand: gradients, optimizer moments.
model::AdapterWeights views_of(const at::Tensor& flat, const model::DecoderConfig& config,
                               const LoraOptions& options);
model::AdapterWeights views_of(const at::Tensor& flat, const model::DecoderConfig& config,
                               const AdapterForm& form);

/// PEFT's start: A uniform in ±1/sqrt(in) (Kaiming with a = sqrt(5)), B zero. `seed` names the
/// draw (stream "lora_init"); equal on every machine.
void initialise(Adapter& adapter, std::uint64_t seed);

}  // namespace tradeoff::lora
