#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "tradeoff/model/attention.hpp"
#include "tradeoff/model/config.hpp"
#include "tradeoff/model/key_chains.hpp"
#include "tradeoff/model/linear.hpp"

namespace tradeoff::model {

/// What one layer's forward pass keeps for its backward pass. T rows before the attention's output,
/// R after it (the rows that are wanted, in the last layer). The caller fills in `x` and the
/// dropout of the low-rank tapes.
struct BlockTape {
  at::Tensor x;                   // [T, D], the layer's input
  at::Tensor qkv;                 // [T, (H + 2G) d] before q and k are normalised, where they are
  at::Tensor turned_q, turned_k;  // [T, H d], [T, G d]: rotated, before they are normalised
  at::Tensor q, k, v;             // as the attention reads them: [T, H, d], [T, G, d] twice
  at::Tensor out, lse;            // of the attention
  at::Tensor attention_out;       // [R, D] before its norm, where it has one
  at::Tensor middle;              // [R, D], after the attention's residual
  at::Tensor pair, product;       // [R, 2F], gate and up before the activation; [R, F]
  at::Tensor mlp_out;             // [R, D] before its norm, where it has one
  LowRankTape low_qkv, low_o, low_gate_up, low_down;

  /// All of its tensors, the undefined ones too, in a fixed order.
  std::vector<at::Tensor*> tensors();
};

/// The tokens of one pass as a block sees them.
struct BlockPass {
  at::Tensor rotation;  // of this layer: Decoder::rotation
  at::Tensor position;  // int64 [T]
  at::Tensor kv_row;    // int64 [T]
  at::Tensor out_rows;  // int64 [R]: the rows that are wanted after the attention; undefined: all
  const AttentionPattern* pattern = nullptr;
  const KeyChains* chains = nullptr;  // in the pattern's place, for a step of decoding
};

/// The gradients' places of one layer's updates, in the order in which its products hold them.
struct BlockParts {
  std::vector<LowRankPart> qkv, o, gate_up, down;
};

/// One layer of a decoder: the only place where its order of operations stands, forward and
/// backward. Which parts it has, its config says (DecoderConfig). With a tape the forward functions
/// keep what the backward functions need; k and v are then this pass's own, and kv_row counts its
/// tokens.
class Block {
 public:
  Block(const DecoderConfig& config, std::int64_t layer);

  struct Norms {
    at::Tensor before_attention, after_attention, before_mlp, after_mlp, q, k;  // float32
  };
  Norms norms;
  Linear qkv, o, gate_up, down;  // qkv: the rows of q, k, v; gate_up: a gated pair

  /// x [T, D] → x + attention [R, D]. Writes the tokens' keys and values to k and v.
  at::Tensor attention(const at::Tensor& x, const BlockPass& pass, at::Tensor& k, at::Tensor& v,
                       BlockTape* tape = nullptr) const;
  /// middle [R, D] → activation(gate) * up [R, F].
  at::Tensor gated(const at::Tensor& middle, BlockTape* tape = nullptr) const;
  /// product [R, F] → middle + MLP [R, D].
  at::Tensor mlp(const at::Tensor& product, const at::Tensor& middle,
                 BlockTape* tape = nullptr) const;
  /// tape.product, computed again of tape.pair. On CUDA, where it has the same bits.
  void restore_product(BlockTape& tape) const;
  /// What mlp keeps, computed again of tape.product.
  void restore_mlp(BlockTape& tape) const;

  /// dy [R, D] at the layer's output → gradient at its middle; adds to those of `parts`.
  at::Tensor mlp_backward(const at::Tensor& dy, const BlockTape& tape,
                          const BlockParts& parts) const;
  /// dmiddle [R, D] → gradient at the layer's input [T, D] where it is wanted.
  at::Tensor attention_backward(const at::Tensor& dmiddle, const BlockPass& pass,
                                const BlockTape& tape, const BlockParts& parts,
                                bool wants_input) const;

 private:
  at::Tensor normed(const at::Tensor& x, const at::Tensor& weight, std::int64_t room = 0) const;
  at::Tensor added(const Linear& linear, const at::Tensor& x, const at::Tensor& residual,
                   const at::Tensor& norm, LowRankTape* low, at::Tensor* kept) const;
  at::Tensor branch_gradient(const at::Tensor& dy, const at::Tensor& norm,
                             const at::Tensor& kept) const;
  at::Tensor norm_gradient(const at::Tensor& x, const at::Tensor& norm, const at::Tensor& dy,
                           const at::Tensor& residual, std::int64_t room) const;
  at::Tensor turn(at::Tensor qkv, const BlockPass& pass, at::Tensor& k, at::Tensor& v,
                  BlockTape* tape) const;
  at::Tensor turn_backward(AttentionGrads grads, const BlockPass& pass,
                           const BlockTape& tape) const;

  RopeShape rope_;
  ScoreRule rule_;
  QkNorm qk_norm_;
  double eps_, residual_scale_;
};

}  // namespace tradeoff::model
