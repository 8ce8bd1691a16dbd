#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "packed_batch.hpp"
#include "tradeoff/lora/options.hpp"
#include "tradeoff/model/decoder.hpp"
#include "tradeoff/model/host_shelf.hpp"
#include "tradeoff/train/options.hpp"

namespace tradeoff::train {

/// Forward and backward pass of one packed batch through the model and its current adapter
/// (Decoder::set_adapter). The base is frozen, so its weights have no gradients and a layer keeps
/// its input once for all products that read it.
class GradientPass {
 public:
  /// `decoder` is prepared for the backward pass and must outlive this. `seed` names the dropout.
  GradientPass(model::Decoder& decoder, const lora::LoraOptions& lora, std::uint64_t seed,
               Recompute recompute);

  /// Adds the gradient of weight · Σ cross-entropy over the batch's targets to `grads` (views of
  /// one flat float32 buffer on the model's device). Returns the cross-entropies, float32 [E] on
  /// the CPU, not weighted. `layer_done` is told each layer whose gradients are complete, the last
  /// first.
  at::Tensor run(const PackedBatch& batch, double weight, const model::AdapterWeights& grads,
                 const std::function<void(std::int64_t layer)>& layer_done = {});

 private:
  std::vector<at::Tensor> masks(std::int64_t layer, std::span<const model::Projection> projections,
                                bool last, const PackedBatch& batch) const;
  void draw_masks(std::int64_t layer, const PackedBatch& batch, model::BlockTape& tape) const;
  at::Tensor forward_layer(std::int64_t layer, const PackedBatch& batch,
                           model::BlockTape& tape) const;
  at::Tensor backward_layer(std::int64_t layer, const PackedBatch& batch, model::BlockTape& tape,
                            const at::Tensor& dy, const model::AdapterWeights& grads) const;
  void forward_attention(std::int64_t layer, const PackedBatch& batch,
                         model::BlockTape& tape) const;
  model::BlockPass pass_of(std::int64_t layer, const PackedBatch& batch) const;
  const model::Block& block(std::int64_t layer) const {
    return decoder_.layers()[static_cast<std::size_t>(layer)];
  }
  bool leaves(std::int64_t layer) const;
  void give_up(std::int64_t layer, model::BlockTape& tape);
  void take_back(std::int64_t layer, model::BlockTape& tape);
  void restore(std::int64_t layer, const PackedBatch& batch, model::BlockTape& tape) const;
  at::Tensor losses(const PackedBatch& batch, double weight, const at::Tensor& hidden,
                    at::Tensor& dhidden) const;

  model::Decoder& decoder_;
  lora::LoraOptions lora_;
  std::vector<model::Projection> targets_;
  std::array<std::uint32_t, 2> dropout_key_;
  Recompute recompute_;
  std::optional<model::HostShelf> shelf_;  // of `offload`, a place a layer
};

/// Bytes of float32 logits held at a time; a GPU's products want more rows.
std::int64_t logit_bytes(c10::Device device);

/// Bytes of activations that a pass over `tokens` tokens keeps under a policy, on the GPU or, with
/// `offload`, on the host.
std::int64_t kept_bytes(const model::Decoder& decoder, const lora::LoraOptions& lora,
                        std::int64_t tokens, Recompute policy);

/// Bytes that such a pass needs for a while besides: one layer's gradients, dequantised weights,
/// logits.
std::int64_t working_bytes(const model::Decoder& decoder, std::int64_t tokens);

/// The policy itself, or for `automatic` the first whose activations fit `memory_bytes`; else, on
/// CUDA, `offload` where its own fit `host_bytes`; else `layer`.
Recompute pick_recompute(const model::Decoder& decoder, const lora::LoraOptions& lora,
                         std::int64_t tokens, std::int64_t memory_bytes, std::int64_t host_bytes,
                         Recompute asked);

}  // namespace tradeoff::train
