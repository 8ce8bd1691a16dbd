#include "gradient_pass.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <utility>

#include "tradeoff/base/seed.hpp"
#include "tradeoff/lora/adapter.hpp"
#include "tradeoff/model/backward.hpp"
#include "tradeoff/model/dropout.hpp"
#include "tradeoff/model/ops.hpp"

namespace tradeoff::train {

using model::Projection;

GradientPass::GradientPass(model::Decoder& decoder, const lora::LoraOptions& lora,
                           std::uint64_t seed, Recompute recompute)
    : decoder_(decoder),
      lora_(lora),
      targets_(lora::parse_targets(lora.target_modules, decoder.config())),
      dropout_key_(SeedStream(seed, "dropout").key()),
      recompute_(recompute) {
  if (recompute == Recompute::offload) shelf_.emplace(decoder.device());
}

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
                                      model::shape_of(decoder_.config(), projection).in,
                                      lora_.lora_dropout));
  }
  return all;
}

void GradientPass::draw_masks(std::int64_t layer, const PackedBatch& batch,
                              model::BlockTape& tape) const {
  using P = Projection;
  if (lora_.lora_dropout == 0) return;
  const bool last = layer + 1 == decoder_.config().num_hidden_layers;
  tape.low_qkv.masks = masks(layer, std::array{P::q, P::k, P::v, P::qkv}, false, batch);
  tape.low_o.masks = masks(layer, std::array{P::o}, last, batch);
  tape.low_gate_up.masks = masks(layer, std::array{P::gate, P::up, P::gate_up}, last, batch);
  tape.low_down.masks = masks(layer, std::array{P::down}, last, batch);
  for (auto* low : {&tape.low_qkv, &tape.low_o, &tape.low_gate_up, &tape.low_down}) {
    low->dropout = lora_.lora_dropout;
  }
}

// Nothing reads the rows without a target after the last attention.
model::BlockPass GradientPass::pass_of(std::int64_t layer, const PackedBatch& batch) const {
  const bool last = layer + 1 == decoder_.config().num_hidden_layers;
  return {decoder_.rotation(layer, batch.max_position + 1), batch.position, batch.row,
          last ? batch.out_rows : at::Tensor(), &batch.pattern};
}

void GradientPass::forward_attention(std::int64_t index, const PackedBatch& batch,
                                     model::BlockTape& tape) const {
  const model::DecoderConfig& config = decoder_.config();
  const auto kv_shape = {batch.tokens(), config.num_key_value_heads, config.head_dim};
  draw_masks(index, batch, tape);
  at::Tensor k = at::empty(kv_shape, tape.x.options()), v = at::empty(kv_shape, tape.x.options());
  block(index).attention(tape.x, pass_of(index, batch), k, v, &tape);
}

at::Tensor GradientPass::forward_layer(std::int64_t index, const PackedBatch& batch,
                                       model::BlockTape& tape) const {
  forward_attention(index, batch, tape);
  return block(index).mlp(block(index).gated(tape.middle, &tape), tape.middle, &tape);
}

// Whether a layer's tape waits on the host. The backward pass begins with the last one.
bool GradientPass::leaves(std::int64_t index) const {
  return shelf_ && index + 1 < decoder_.config().num_hidden_layers;
}

// After the forward pass of a layer: what the policy does not keep goes, or leaves the GPU. The
// last layer stays whole.
void GradientPass::give_up(std::int64_t index, model::BlockTape& tape) {
  if (recompute_ == Recompute::none || index + 1 == decoder_.config().num_hidden_layers) return;
  if (recompute_ == Recompute::layer) {
    model::BlockTape input;
    input.x = tape.x;
    tape = std::move(input);
    return;
  }
  tape.product = at::Tensor();
  if (recompute_ == Recompute::activation) return;
  tape.pair = at::Tensor();
  if (!leaves(index)) return;
  std::vector<at::Tensor> leaving;
  for (at::Tensor* tensor : tape.tensors()) leaving.push_back(std::exchange(*tensor, at::Tensor()));
  shelf_->put(static_cast<std::size_t>(index), std::move(leaving));
}

// The opposite, of a tape that left; the one of the layer below sets out at once.
void GradientPass::take_back(std::int64_t index, model::BlockTape& tape) {
  if (leaves(index)) {
    std::vector<at::Tensor> back = shelf_->take(static_cast<std::size_t>(index));
    const std::vector<at::Tensor*> places = tape.tensors();
    for (std::size_t i = 0; i < places.size(); ++i) *places[i] = std::move(back[i]);
  }
  if (index > 0 && leaves(index - 1)) shelf_->fetch(static_cast<std::size_t>(index - 1));
}

// Computes again what the policy did not keep.
void GradientPass::restore(std::int64_t index, const PackedBatch& batch,
                           model::BlockTape& tape) const {
  if (!tape.middle.defined()) forward_attention(index, batch, tape);
  if (!tape.pair.defined()) block(index).gated(tape.middle, &tape);
  if (!tape.product.defined()) block(index).restore_product(tape);
  block(index).restore_mlp(tape);
}

at::Tensor GradientPass::backward_layer(std::int64_t index, const PackedBatch& batch,
                                        model::BlockTape& tape, const at::Tensor& dy,
                                        const model::AdapterWeights& grads) const {
  const model::BlockParts parts = decoder_.parts_of(grads, index);
  restore(index, batch, tape);
  const at::Tensor dmiddle = block(index).mlp_backward(dy, tape, parts);
  // Nothing trainable lies before the first layer.
  return block(index).attention_backward(dmiddle, pass_of(index, batch), tape, parts,
                                         /*wants_input=*/index > 0);
}

at::Tensor GradientPass::run(const PackedBatch& batch, double weight,
                             const model::AdapterWeights& grads,
                             const std::function<void(std::int64_t)>& layer_done) {
  const c10::InferenceMode inference;
  const std::int64_t layers = decoder_.config().num_hidden_layers;
  std::vector<model::BlockTape> tapes(static_cast<std::size_t>(layers));
  at::Tensor hidden = decoder_.embed(batch.ids);
  for (std::int64_t i = 0; i < layers; ++i) {
    model::BlockTape& tape = tapes[static_cast<std::size_t>(i)];
    tape.x = hidden;
    hidden = forward_layer(i, batch, tape);
    give_up(i, tape);
  }
  at::Tensor gradient;
  const at::Tensor entropies = losses(batch, weight, hidden, gradient);
  for (std::int64_t i = layers - 1; i >= 0; --i) {
    model::BlockTape& tape = tapes[static_cast<std::size_t>(i)];
    take_back(i, tape);
    gradient = backward_layer(i, batch, tape, gradient, grads);
    tape = {};
    if (layer_done) layer_done(i);
  }
  return entropies;
}

}  // namespace tradeoff::train
