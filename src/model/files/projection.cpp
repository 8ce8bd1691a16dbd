#include "tradeoff/model/projection.hpp"

#include <fmt/format.h>

#include "tradeoff/base/error.hpp"

namespace tradeoff::model {

std::span<const Projection> projections_of(const DecoderConfig& config) {
  using P = Projection;
  static constexpr std::array kApart = {P::q, P::k, P::v, P::o, P::gate, P::up, P::down};
  static constexpr std::array kFused = {P::qkv, P::o, P::gate_up, P::down};
  if (config.fused_tensors) return kFused;
  return kApart;
}

std::string_view name_of(Projection projection) {
  static constexpr std::array<std::string_view, kProjections.size()> kNames = {
      "q_proj",  "k_proj",    "v_proj",   "o_proj",      "gate_proj",
      "up_proj", "down_proj", "qkv_proj", "gate_up_proj"};
  return kNames[static_cast<std::size_t>(projection)];
}

std::string module_name(std::int64_t layer, Projection projection) {
  const bool attention = projection <= Projection::o || projection == Projection::qkv;
  return fmt::format("model.layers.{}.{}.{}", layer, attention ? "self_attn" : "mlp",
                     name_of(projection));
}

ProjectionShape shape_of(const DecoderConfig& c, Projection projection) {
  switch (projection) {
    case Projection::q:
      return {c.query_width(), c.hidden_size};
    case Projection::k:
    case Projection::v:
      return {c.kv_width(), c.hidden_size};
    case Projection::o:
      return {c.hidden_size, c.query_width()};
    case Projection::gate:
    case Projection::up:
      return {c.intermediate_size, c.hidden_size};
    case Projection::down:
      return {c.hidden_size, c.intermediate_size};
    case Projection::qkv:
      return {c.query_width() + 2 * c.kv_width(), c.hidden_size};
    case Projection::gate_up:
      return {2 * c.intermediate_size, c.hidden_size};
  }
  fail("unknown projection");
}

}  // namespace tradeoff::model
