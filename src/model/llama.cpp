#include "tradeoff/model/llama.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "tradeoff/model/device.hpp"
#include "tradeoff/model/ops.hpp"
#include "tradeoff/model/stored_weights.hpp"

namespace tradeoff::model {
namespace {

constexpr std::array kAttention = {Projection::q, Projection::k, Projection::v};
constexpr std::array kMlp = {Projection::gate, Projection::up};

// Rows of the projections one after another.
at::Tensor dense(const StoredWeights& weights, std::int64_t layer,
                 std::span<const Projection> projections) {
  std::vector<at::Tensor> parts;
  for (const Projection p : projections)
    parts.push_back(weights.get(module_name(layer, p) + ".weight"));
  return parts.size() == 1 ? parts.front() : at::cat(parts);
}

bool keep_packed(Nf4Residency residency, const LlamaConfig& config, c10::Device device) {
  if (residency != Nf4Residency::automatic) return residency == Nf4Residency::packed;
  double bytes = 0;
  for (const Projection p : kProjections) {
    const ProjectionShape shape = shape_of(config, p);
    bytes += 2.0 * static_cast<double>(shape.in * shape.out * config.num_hidden_layers);
  }
  return bytes > static_cast<double>(memory_bytes(device)) / 2;
}

}  // namespace

Llama::Llama(const std::filesystem::path& folder, const LoadOptions& options)
    : folder_(folder), config_(read_config(folder / "config.json")), options_(options) {
  const c10::InferenceMode inference;
  load(StoredWeights(folder, config_, options_.quantization));
}

void Llama::load(const StoredWeights& weights) {
  quantised_ = weights.quantised();
  nf4_packed_ = quantised_ && keep_packed(options_.nf4_residency, config_, options_.device);
  const auto linear = [&](std::int64_t layer, std::span<const Projection> projections,
                          Columns columns) {
    bool all_nf4 = nf4_packed_;
    for (const Projection p : projections)
      all_nf4 = all_nf4 && weights.is_nf4(module_name(layer, p) + ".weight");
    if (all_nf4) {
      std::vector<quant::Nf4Weight> parts;
      for (const Projection p : projections)
        parts.push_back(weights.nf4(module_name(layer, p) + ".weight"));
      return Linear::quantised(std::move(parts), columns, options_.device, options_.dtype);
    }
    if (columns == Columns::plain)
      return Linear(dense(weights, layer, projections), options_.device, options_.dtype);
    return Linear::gated(dense(weights, layer, projections.first(1)),
                         dense(weights, layer, projections.last(1)), options_.device,
                         options_.dtype);
  };
  const auto vector = [&](const std::string& name) {
    return weights.get(name).to(options_.device, options_.dtype, /*non_blocking=*/false,
                                /*copy=*/true);
  };
  const at::Tensor embedding = weights.get("model.embed_tokens.weight");
  // Kept in the stored dtype: rows are converted when they are looked up.
  embedding_ =
      options_.device.is_cpu() ? embedding.clone() : embedding.to(options_.device, options_.dtype);
  head_ = Linear(config_.tie_word_embeddings ? embedding : weights.get("lm_head.weight"),
                 options_.device, options_.dtype);
  final_norm_ = vector("model.norm.weight");
  for (std::int64_t i = 0; i < config_.num_hidden_layers; ++i) {
    const std::string at = fmt::format("model.layers.{}.", i);
    LlamaLayer layer;
    layer.input_norm = vector(at + "input_layernorm.weight");
    layer.post_attention_norm = vector(at + "post_attention_layernorm.weight");
    layer.qkv = linear(i, kAttention, Columns::plain);
    layer.o = linear(i, std::array{Projection::o}, Columns::plain);
    layer.gate_up = linear(i, kMlp, Columns::gated);
    layer.down = linear(i, std::array{Projection::down}, Columns::plain);
    layers_.push_back(std::move(layer));
  }
}

void Llama::prepare_backward() {
  if (backward_ready_ || !options_.device.is_cpu()) return;
  const c10::InferenceMode inference;
  const StoredWeights weights(folder_, config_, options_.quantization);
  for (std::int64_t i = 0; i < config_.num_hidden_layers; ++i) {
    LlamaLayer& layer = layers_[static_cast<std::size_t>(i)];
    const auto prepare = [&](Linear& linear, std::span<const Projection> projections) {
      if (!nf4_packed_) linear.prepare_backward(dense(weights, i, projections));
    };
    prepare(layer.qkv, kAttention);
    prepare(layer.o, std::array{Projection::o});
    prepare(layer.gate_up, kMlp);
    prepare(layer.down, std::array{Projection::down});
  }
  head_.prepare_backward(config_.tie_word_embeddings ? embedding_ : weights.get("lm_head.weight"));
  backward_ready_ = true;
}

Llama::LayerParts Llama::parts_of(const AdapterWeights& adapter, std::int64_t layer) const {
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
  return {collect({{P::q, 0}, {P::k, q}, {P::v, q + kv}}), collect({{P::o, 0}}),
          collect({{P::gate, 0}, {P::up, config_.intermediate_size}}), collect({{P::down, 0}})};
}

void Llama::set_adapter(const AdapterWeights* adapter) {
  const c10::InferenceMode inference;
  if (adapter) check_adapter(*adapter, config_);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const LayerParts parts =
        adapter ? parts_of(*adapter, static_cast<std::int64_t>(i)) : LayerParts();
    layers_[i].qkv.set_low_rank(parts.qkv);
    layers_[i].o.set_low_rank(parts.o);
    layers_[i].gate_up.set_low_rank(parts.gate_up);
    layers_[i].down.set_low_rank(parts.down);
  }
}

at::Tensor Llama::embed(const at::Tensor& ids) const {
  return embedding_.index_select(0, ids).to(options_.dtype);
}

KvArena Llama::make_arena(std::int64_t capacity) const {
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
const at::Tensor& Llama::cos_sin(std::int64_t positions) {
  if (cos_sin_.defined() && cos_sin_.size(0) >= positions) return cos_sin_;
  const std::int64_t rows = std::max<std::int64_t>(positions, 2048);
  const at::Tensor frequencies =
      at::tensor(inverse_frequencies(config_), at::TensorOptions(c10::ScalarType::Float));
  const at::Tensor angles =
      at::outer(at::arange(rows, at::TensorOptions(c10::ScalarType::Float)), frequencies);
  cos_sin_ = at::cat({at::cos(angles), at::sin(angles)}, 1).to(options_.device);
  return cos_sin_;
}

at::Tensor Llama::forward(const Pass& pass, KvArena& arena) {
  const c10::InferenceMode inference;
  const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_dim));
  const at::Tensor& rotation = cos_sin(pass.max_position + 1);
  at::Tensor hidden = embed(pass.ids);  // [T, D]
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const LlamaLayer& layer = layers_[i];
    const at::Tensor qkv =
        layer.qkv.apply(rms_norm(hidden, layer.input_norm, config_.rms_norm_eps));
    const at::Tensor q = rope_scatter(qkv, rotation, pass.position, pass.kv_row,
                                      config_.num_attention_heads, arena.k[i], arena.v[i]);
    at::Tensor attended = attend(q, arena.k[i], arena.v[i], pass.pattern, scale);
    if (i + 1 == layers_.size()) {
      // Nothing reads the other rows after the last attention.
      attended = attended.index_select(0, pass.out_rows);
      hidden = hidden.index_select(0, pass.out_rows);
    }
    hidden = layer.o.apply_add(attended, hidden);
    const at::Tensor gated = layer.gate_up.apply_gated(
        rms_norm(hidden, layer.post_attention_norm, config_.rms_norm_eps));
    hidden = layer.down.apply_add(gated, hidden);
  }
  return rms_norm(hidden, final_norm_, config_.rms_norm_eps);
}

at::Tensor Llama::logits(const at::Tensor& hidden) const {
  const c10::InferenceMode inference;
  return head_.apply_float(hidden);
}

}  // namespace tradeoff::model
