#include "gradient_pass.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>

#include "tradeoff/base/seed.hpp"
#include "tradeoff/lora/adapter.hpp"
#include "tradeoff/model/backward.hpp"
#include "tradeoff/model/dropout.hpp"
#include "tradeoff/model/ops.hpp"

namespace tradeoff::train {

using model::Projection;

// What the forward pass of one layer keeps. T rows before the attention's output, R of them after
// it in the last layer.
struct GradientPass::LayerTape {
  at::Tensor x;              // [T, D], the layer's input
  at::Tensor q, k, v;        // rotated: [T, H, d], [T, G, d] twice
  at::Tensor out, lse;       // of the attention
  at::Tensor middle;         // [T or R, D], after the attention's residual
  at::Tensor pair, product;  // [T or R, 2F], gate and up before the activation; [T or R, F]
  model::LowRankTape low_qkv, low_o, low_gate_up, low_down;
};

GradientPass::GradientPass(model::Llama& llama, const lora::LoraOptions& lora, std::uint64_t seed,
                           Recompute recompute)
    : llama_(llama),
      lora_(lora),
      targets_(lora::parse_targets(lora.target_modules)),
      dropout_key_(SeedStream(seed, "dropout").key()),
      recompute_(recompute),
      scale_(1.0 / std::sqrt(static_cast<double>(llama.config().head_dim))) {}

std::vector<at::Tensor> GradientPass::masks(std::int64_t layer,
                                            std::span<const Projection> projections, bool last,
                                            const PackedBatch& batch) const {
  std::vector<at::Tensor> all;
  const auto rows = [&](const at::Tensor& of_tokens) {
    return last ? of_tokens.index_select(0, batch.out_rows) : of_tokens;
  };
  const model::DropoutRows key{dropout_key_, rows(batch.sample), rows(batch.position)};
  for (const Projection projection : projections) {
    if (std::ranges::find(targets_, projection) == targets_.end()) continue;
    all.push_back(model::dropout_mask(key, layer, projection,
                                      model::shape_of(llama_.config(), projection).in,
                                      lora_.lora_dropout, llama_.dtype()));
  }
  return all;
}

void GradientPass::draw_masks(std::int64_t layer, const PackedBatch& batch, LayerTape& tape) const {
  using P = Projection;
  if (lora_.lora_dropout == 0) return;
  const bool last = layer + 1 == llama_.config().num_hidden_layers;
  tape.low_qkv.masks = masks(layer, std::array{P::q, P::k, P::v}, false, batch);
  tape.low_o.masks = masks(layer, std::array{P::o}, last, batch);
  tape.low_gate_up.masks = masks(layer, std::array{P::gate, P::up}, last, batch);
  tape.low_down.masks = masks(layer, std::array{P::down}, last, batch);
  for (auto* low : {&tape.low_qkv, &tape.low_o, &tape.low_gate_up, &tape.low_down}) {
    low->dropout = lora_.lora_dropout;
  }
}

void GradientPass::forward_attention(std::int64_t index, const PackedBatch& batch,
                                     LayerTape& tape) const {
  const model::LlamaConfig& config = llama_.config();
  const model::LlamaLayer& layer = llama_.layers()[static_cast<std::size_t>(index)];
  const bool last = index + 1 == config.num_hidden_layers;
  const auto kv_shape = {batch.tokens(), config.num_key_value_heads, config.head_dim};
  draw_masks(index, batch, tape);
  const at::Tensor qkv = layer.qkv.apply(
      model::rms_norm(tape.x, layer.input_norm, config.rms_norm_eps), &tape.low_qkv);
  tape.k = at::empty(kv_shape, qkv.options());
  tape.v = at::empty(kv_shape, qkv.options());
  tape.q = model::rope_scatter(qkv, rotation_, batch.position, batch.row,
                               config.num_attention_heads, tape.k, tape.v);
  tape.out = model::attend(tape.q, tape.k, tape.v, batch.pattern, scale_, &tape.lse);
  // Nothing reads the rows without a target after the last attention.
  const auto kept = [&](const at::Tensor& x) {
    return last ? x.index_select(0, batch.out_rows) : x;
  };
  tape.middle = layer.o.apply_add(kept(tape.out), kept(tape.x), &tape.low_o);
}

void GradientPass::forward_gated(std::int64_t index, LayerTape& tape) const {
  const model::LlamaLayer& layer = llama_.layers()[static_cast<std::size_t>(index)];
  tape.product = layer.gate_up.apply_gated(
      model::rms_norm(tape.middle, layer.post_attention_norm, llama_.config().rms_norm_eps),
      &tape.low_gate_up, &tape.pair);
}

at::Tensor GradientPass::forward_layer(std::int64_t index, const PackedBatch& batch,
                                       LayerTape& tape) const {
  forward_attention(index, batch, tape);
  forward_gated(index, tape);
  return llama_.layers()[static_cast<std::size_t>(index)].down.apply_add(tape.product, tape.middle,
                                                                         &tape.low_down);
}

// Computes again what the policy did not keep.
void GradientPass::restore(std::int64_t index, const PackedBatch& batch, LayerTape& tape) const {
  if (!tape.middle.defined()) {
    forward_attention(index, batch, tape);
  } else if (tape.low_qkv.masks.empty()) {
    draw_masks(index, batch, tape);
  }
  if (!tape.pair.defined()) forward_gated(index, tape);
  const model::LowRankUpdate& low_rank =
      llama_.layers()[static_cast<std::size_t>(index)].down.low_rank();
  if (!tape.low_down.product.defined() && !low_rank.empty())
    low_rank.down(tape.product, &tape.low_down);
}

at::Tensor GradientPass::backward_layer(std::int64_t index, const PackedBatch& batch,
                                        LayerTape& tape, const at::Tensor& dy,
                                        const model::AdapterWeights& grads) const {
  const model::LlamaConfig& config = llama_.config();
  const model::LlamaLayer& layer = llama_.layers()[static_cast<std::size_t>(index)];
  const model::Llama::LayerParts parts = llama_.parts_of(grads, index);
  const bool last = index + 1 == config.num_hidden_layers;
  const double eps = config.rms_norm_eps;
  restore(index, batch, tape);

  const at::Tensor dproduct = layer.down.backward(dy, tape.product, tape.low_down, parts.down);
  const at::Tensor dpair = model::silu_mul_backward(tape.pair, dproduct);
  const at::Tensor dnormed =
      layer.gate_up.backward(dpair, model::rms_norm(tape.middle, layer.post_attention_norm, eps),
                             tape.low_gate_up, parts.gate_up);
  at::Tensor dmiddle =
      model::rms_norm_backward(tape.middle, layer.post_attention_norm, eps, dnormed, dy);

  const at::Tensor attended = last ? tape.out.index_select(0, batch.out_rows) : tape.out;
  at::Tensor dattended = layer.o.backward(dmiddle, attended, tape.low_o, parts.o);
  if (last) {
    const auto spread = [&](const at::Tensor& rows) {
      return at::zeros({batch.tokens(), rows.size(1)}, rows.options())
          .index_copy_(0, batch.out_rows, rows);
    };
    dattended = spread(dattended);
    dmiddle = spread(dmiddle);
  }
  const model::AttentionGrads attention = model::attend_backward(
      dattended, tape.q, tape.k, tape.v, tape.out, tape.lse, batch.pattern, scale_);
  const at::Tensor dqkv = model::rope_backward(attention.q, attention.k, attention.v, rotation_,
                                               batch.position, batch.row, llama_.dtype());
  const at::Tensor normed = model::rms_norm(tape.x, layer.input_norm, eps);
  // Nothing trainable lies before the first layer.
  const at::Tensor dinput =
      layer.qkv.backward(dqkv, normed, tape.low_qkv, parts.qkv, /*wants_input=*/index > 0);
  if (index == 0) return {};
  return model::rms_norm_backward(tape.x, layer.input_norm, eps, dinput, dmiddle);
}

at::Tensor GradientPass::run(const PackedBatch& batch, double weight,
                             const model::AdapterWeights& grads,
                             const std::function<void(std::int64_t)>& layer_done) {
  const c10::InferenceMode inference;
  const std::int64_t layers = llama_.config().num_hidden_layers;
  rotation_ = llama_.cos_sin(batch.max_position + 1);
  std::vector<LayerTape> tapes(static_cast<std::size_t>(layers));
  at::Tensor hidden = llama_.embed(batch.ids);
  for (std::int64_t i = 0; i < layers; ++i) {
    LayerTape& tape = tapes[static_cast<std::size_t>(i)];
    tape.x = hidden;
    hidden = forward_layer(i, batch, tape);
    if (recompute_ == Recompute::layer) {
      LayerTape input;
      input.x = tape.x;
      tape = std::move(input);
    } else if (recompute_ == Recompute::mlp) {
      tape.pair = tape.product = at::Tensor();
    }
    // On the CPU a mask is a bit an element, on CUDA a number.
    if (hidden.is_cuda()) {
      for (auto* low : {&tape.low_qkv, &tape.low_o, &tape.low_gate_up, &tape.low_down}) {
        low->masks.clear();
      }
    }
  }
  at::Tensor gradient;
  const at::Tensor entropies = losses(batch, weight, hidden, gradient);
  for (std::int64_t i = layers - 1; i >= 0; --i) {
    LayerTape& tape = tapes[static_cast<std::size_t>(i)];
    gradient = backward_layer(i, batch, tape, gradient, grads);
    tape = {};
    if (layer_done) layer_done(i);
  }
  return entropies;
}

}  // namespace tradeoff::train
