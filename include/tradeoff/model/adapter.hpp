#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/model/config.hpp"

/// The form in which a decoder takes LoRA updates; module lora makes, reads and writes them.
namespace tradeoff::model {

/// The products of a decoder block that can carry an update. qkv and gate_up are one tensor each in
/// the families that keep them fused (phi3), and take the places of q, k, v and of gate, up.
enum class Projection { q, k, v, o, gate, up, down, qkv, gate_up };
inline constexpr std::array kProjections = {
    Projection::q,  Projection::k,    Projection::v,   Projection::o,      Projection::gate,
    Projection::up, Projection::down, Projection::qkv, Projection::gate_up};

/// Those that a model has, in the order of a block.
std::span<const Projection> projections_of(const DecoderConfig& config);

/// "q_proj".
std::string_view name_of(Projection projection);
/// Its weight's name in a checkpoint without ".weight": "model.layers.3.self_attn.q_proj".
std::string module_name(std::int64_t layer, Projection projection);

struct ProjectionShape {
  std::int64_t out = 0, in = 0;
};
ProjectionShape shape_of(const DecoderConfig& config, Projection projection);

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
