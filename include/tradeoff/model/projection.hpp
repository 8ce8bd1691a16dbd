#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tradeoff/model/config.hpp"

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

}  // namespace tradeoff::model
