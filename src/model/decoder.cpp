#include "tradeoff/model/decoder.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/rsub.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tradeoff/base/error.hpp"
#include "tradeoff/model/device.hpp"
#include "tradeoff/model/ops.hpp"
#include "tradeoff/model/stored_weights.hpp"
#include "tradeoff/model/weights.hpp"

namespace tradeoff::model {

bool keeps_packed(Nf4Residency residency, const DecoderConfig& config, std::int64_t memory_bytes) {
  if (residency != Nf4Residency::automatic) return residency == Nf4Residency::packed;
  double bytes = 0;
  for (const Projection p : projections_of(config)) {
    const ProjectionShape shape = shape_of(config, p);
    bytes += 2.0 * static_cast<double>(shape.in * shape.out * config.num_hidden_layers);
  }
  return bytes > static_cast<double>(memory_bytes) / 2;
}

Decoder::Decoder(const std::filesystem::path& folder, const LoadOptions& options)
    : folder_(folder), config_(read_config(folder / "config.json")), options_(options) {
  const c10::InferenceMode inference;
  load(StoredWeights(folder, config_, options_.quantization));
}

BlockParts Decoder::parts_of(const AdapterWeights& adapter, std::int64_t layer) const {
  const auto collect = [&](std::initializer_list<std::pair<Projection, std::int64_t>> places) {
    std::vector<LowRankPart> parts;
    for (const auto& [projection, out_begin] : places) {
      const LowRank& update = adapter.at(layer, projection);
      if (update.a.defined()) parts.push_back({update.a, update.b, out_begin, update.scaling});
    }
    return parts;
  };
  using P = Projection;
  const std::int64_t q = config_.query_width(), kv = config_.kv_width();
  return {collect({{P::q, 0}, {P::k, q}, {P::v, q + kv}, {P::qkv, 0}}), collect({{P::o, 0}}),
          collect({{P::gate, 0}, {P::up, config_.intermediate_size}, {P::gate_up, 0}}),
          collect({{P::down, 0}})};
}

void Decoder::set_adapter(const AdapterWeights* adapter) {
  const c10::InferenceMode inference;
  if (adapter) check_adapter(*adapter, config_);
  ++revision_;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const BlockParts parts =
        adapter ? parts_of(*adapter, static_cast<std::int64_t>(i)) : BlockParts();
    layers_[i].qkv.set_low_rank(parts.qkv);
    layers_[i].o.set_low_rank(parts.o);
    layers_[i].gate_up.set_low_rank(parts.gate_up);
    layers_[i].down.set_low_rank(parts.down);
  }
}

at::Tensor Decoder::embed(const at::Tensor& ids) const {
  at::Tensor rows = embedding_.index_select(0, ids).to(options_.dtype);
  // The factor in the weights' dtype, as Gemma's own code has it.
  if (config_.embedding_scale != 1)
    rows = at::mul(rows, at::full({}, config_.embedding_scale, rows.options()));
  return rows;
}

KvArena Decoder::make_arena(std::int64_t capacity) const {
  KvArena arena;
  const auto options = at::TensorOptions(options_.dtype).device(options_.device);
  for (std::int64_t i = 0; i < config_.num_hidden_layers; ++i) {
    arena.k.push_back(
        at::empty({capacity, config_.num_key_value_heads, config_.head_dim}, options));
    arena.v.push_back(
        at::empty({capacity, config_.num_key_value_heads, config_.head_dim}, options));
  }
  return arena;
}

// Grown when longer sequences come.
at::Tensor Decoder::rotation(std::int64_t layer, std::int64_t positions) {
  const int kind = config_.layers[static_cast<std::size_t>(layer)].rope;
  rotations_.resize(config_.ropes.size() + 1);
  at::Tensor& table = kind < 0 ? rotations_.back() : rotations_[static_cast<std::size_t>(kind)];
  const std::int64_t bound =
      kind < 0 ? 0 : config_.ropes[static_cast<std::size_t>(kind)].max_positions;
  if (bound > 0 && positions > bound) {
    fail(
        fmt::format("{}: a text of {} tokens, but its rope parameters hold for {} (from there on "
                    "they change with the length of the text, which is not computed); set "
                    "max_prompt_tokens below",
                    folder_.string(), positions, bound));
  }
  if (table.defined() && table.size(0) >= positions) return table;
  const auto floats = at::TensorOptions(c10::ScalarType::Float);
  const std::int64_t rows = std::max<std::int64_t>(positions, 2048), half = config_.rotary_dim / 2;
  if (kind < 0) {
    table = at::cat({at::ones({rows, half}, floats), at::zeros({rows, half}, floats)}, 1);
  } else {
    const Rope& rope = config_.ropes[static_cast<std::size_t>(kind)];
    const at::Tensor angles =
        at::outer(at::arange(rows, floats), at::tensor(rope.inverse_frequencies, floats));
    table = at::cat({at::cos(angles), at::sin(angles)}, 1);
    if (rope.attention_factor != 1) table = at::mul(table, rope.attention_factor);
  }
  table = table.to(options_.device);
  ++revision_;
  return table;
}

at::Tensor Decoder::forward(const Pass& pass, KvArena& arena) {
  return run_layers(pass.ids, {{}, pass.position, pass.kv_row, {}, &pass.pattern, nullptr},
                    pass.max_position, pass.out_rows, arena);
}

at::Tensor Decoder::forward(const Step& step, KvArena& arena) {
  return run_layers(step.ids, {{}, step.position, step.kv_row, {}, nullptr, &step.chains},
                    step.max_position, {}, arena);
}

at::Tensor Decoder::run_layers(const at::Tensor& ids, BlockPass pass, std::int64_t max_position,
                               const at::Tensor& out_rows, KvArena& arena) {
  const c10::InferenceMode inference;
  at::Tensor hidden = embed(ids);  // [T, D]
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Block& layer = layers_[i];
    pass.rotation = rotation(static_cast<std::int64_t>(i), max_position + 1);
    // Nothing reads the other rows after the last attention.
    if (i + 1 == layers_.size()) pass.out_rows = out_rows;
    const at::Tensor middle = layer.attention(hidden, pass, arena.k[i], arena.v[i]);
    hidden = layer.mlp(layer.gated(middle), middle);
  }
  return rms_norm(hidden, final_norm_, config_.rms_norm_eps);
}

at::Tensor Decoder::logits(const at::Tensor& hidden) const {
  const c10::InferenceMode inference;
  at::Tensor logits = head_.apply_float(hidden);
  if (config_.logit_scale != 1) logits.mul_(config_.logit_scale);
  if (config_.logit_cap > 0) logits.div_(config_.logit_cap).tanh_().mul_(config_.logit_cap);
  return logits;
}

at::Tensor Decoder::logits_backward(const at::Tensor& dlogits, const at::Tensor& logits) const {
  at::Tensor gradient = dlogits;
  if (config_.logit_cap > 0) {
    const at::Tensor part = at::div(logits, config_.logit_cap);
    gradient = at::mul(gradient, at::rsub(at::mul(part, part), 1).to(gradient.scalar_type()));
  }
  return config_.logit_scale == 1 ? gradient : at::mul(gradient, config_.logit_scale);
}

}  // namespace tradeoff::model
