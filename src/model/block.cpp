#include "tradeoff/model/block.hpp"

#include <ATen/ops/add.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/zeros.h>

#include "tradeoff/model/backward.hpp"
#include "tradeoff/model/ops.hpp"

namespace tradeoff::model {
namespace {

at::Tensor rows_of(const at::Tensor& x, const at::Tensor& rows) {
  return rows.defined() ? x.index_select(0, rows) : x;
}

// The opposite: `rows` of T, 0 elsewhere.
at::Tensor spread(const at::Tensor& x, const at::Tensor& rows, std::int64_t tokens) {
  if (!rows.defined()) return x;
  return at::zeros({tokens, x.size(1)}, x.options()).index_copy_(0, rows, x);
}

}  // namespace

std::vector<at::Tensor*> BlockTape::tensors() {
  std::vector<at::Tensor*> all = {&x,   &qkv, &turned_q,      &turned_k, &q,    &k,       &v,
                                  &out, &lse, &attention_out, &middle,   &pair, &product, &mlp_out};
  for (LowRankTape* low : {&low_qkv, &low_o, &low_gate_up, &low_down}) {
    all.push_back(&low->product);
    for (at::Tensor& mask : low->masks) all.push_back(&mask);
  }
  return all;
}

Block::Block(const DecoderConfig& config, std::int64_t layer)
    : rope_(config.rope_shape()),
      rule_(config.score_rule(layer)),
      qk_norm_(config.qk_norm),
      eps_(config.rms_norm_eps),
      residual_scale_(config.residual_scale) {}

at::Tensor Block::normed(const at::Tensor& x, const at::Tensor& weight, std::int64_t room) const {
  return weight.defined() ? rms_norm(x, weight, eps_, room) : x;
}

// residual + scale · norm(x·Wᵀ); `kept` becomes what the norm reads.
at::Tensor Block::added(const Linear& linear, const at::Tensor& x, const at::Tensor& residual,
                        const at::Tensor& norm, LowRankTape* low, at::Tensor* kept) const {
  if (!norm.defined() && residual_scale_ == 1) return linear.apply_add(x, residual, low);
  const at::Tensor out = linear.apply(x, low);
  if (kept && norm.defined()) *kept = out;
  return at::add(residual, normed(out, norm), residual_scale_);
}

// The gradient at a branch's product for dy at the sum.
at::Tensor Block::branch_gradient(const at::Tensor& dy, const at::Tensor& norm,
                                  const at::Tensor& kept) const {
  const at::Tensor scaled = residual_scale_ == 1 ? dy : at::mul(dy, residual_scale_);
  return norm.defined() ? rms_norm_backward(kept, norm, eps_, scaled, {}) : scaled;
}

// The gradient at x, which a branch reads through a norm and the residual as it is.
at::Tensor Block::norm_gradient(const at::Tensor& x, const at::Tensor& norm, const at::Tensor& dy,
                                const at::Tensor& residual, std::int64_t room) const {
  return norm.defined() ? rms_norm_backward(x, norm, eps_, dy, residual, room)
                        : at::add(dy, residual);
}

// Normalises and rotates queries and keys; returns the queries [T, H, d].
at::Tensor Block::turn(at::Tensor fused, const BlockPass& pass, at::Tensor& k, at::Tensor& v,
                       BlockTape* tape) const {
  const std::int64_t heads = rope_.heads, kv_heads = rope_.kv_heads, width = heads * rope_.d;
  if (qk_norm_ == QkNorm::heads || qk_norm_ == QkNorm::all_heads) {
    if (tape) tape->qkv = fused.clone();
    const bool each = qk_norm_ == QkNorm::heads;
    norm_columns_(fused, 0, each ? heads : 1, norms.q, eps_);
    norm_columns_(fused, width, each ? kv_heads : 1, norms.k, eps_);
  }
  if (qk_norm_ != QkNorm::heads_after_rope)
    return rope_scatter(fused, rope_, pass.rotation, pass.position, pass.kv_row, k, v);
  const std::int64_t tokens = fused.size(0);
  at::Tensor own_k = at::empty({tokens, kv_heads, rope_.d}, fused.options()),
             own_v = at::empty_like(own_k);
  at::Tensor q = rope_scatter(fused, rope_, pass.rotation, pass.position,
                              at::arange(tokens, pass.kv_row.options()), own_k, own_v);
  at::Tensor flat_q = q.view({tokens, width}), flat_k = own_k.view({tokens, kv_heads * rope_.d});
  if (tape) {
    tape->turned_q = flat_q.clone();
    tape->turned_k = flat_k.clone();
  }
  norm_columns_(flat_q, 0, heads, norms.q, eps_);
  norm_columns_(flat_k, 0, kv_heads, norms.k, eps_);
  k.index_copy_(0, pass.kv_row, own_k);
  v.index_copy_(0, pass.kv_row, own_v);
  return q;
}

// The gradient at the fused product.
at::Tensor Block::turn_backward(AttentionGrads grads, const BlockPass& pass,
                                const BlockTape& tape) const {
  const std::int64_t heads = rope_.heads, kv_heads = rope_.kv_heads;
  if (qk_norm_ == QkNorm::heads_after_rope) {
    const auto back = [&](at::Tensor& grad, const at::Tensor& x, std::int64_t groups,
                          const at::Tensor& weight) {
      at::Tensor flat = grad.contiguous().view({x.size(0), x.size(1)});
      norm_columns_backward_(flat, x.to(flat.scalar_type()), 0, groups, weight, eps_);
      grad = flat.view(grad.sizes());
    };
    back(grads.q, tape.turned_q, heads, norms.q);
    back(grads.k, tape.turned_k, kv_heads, norms.k);
  }
  at::Tensor fused = rope_backward(grads.q, grads.k, grads.v, rope_, pass.rotation, pass.position,
                                   pass.kv_row, tape.x.scalar_type(), qkv.backward_room());
  if (qk_norm_ == QkNorm::heads || qk_norm_ == QkNorm::all_heads) {
    const bool each = qk_norm_ == QkNorm::heads;
    norm_columns_backward_(fused, tape.qkv, 0, each ? heads : 1, norms.q, eps_);
    norm_columns_backward_(fused, tape.qkv, heads * rope_.d, each ? kv_heads : 1, norms.k, eps_);
  }
  return fused;
}

at::Tensor Block::attention(const at::Tensor& x, const BlockPass& pass, at::Tensor& k,
                            at::Tensor& v, BlockTape* tape) const {
  const at::Tensor fused = qkv.apply(normed(x, norms.before_attention, qkv.room(x.size(0))),
                                     tape ? &tape->low_qkv : nullptr);
  const at::Tensor q = turn(fused, pass, k, v, tape);
  const at::Tensor out = pass.chains
                             ? attend_chains(q, k, v, *pass.chains, pass.position, rule_)
                             : attend(q, k, v, *pass.pattern, rule_, tape ? &tape->lse : nullptr);
  if (tape) {
    tape->q = q;
    tape->k = k;
    tape->v = v;
    tape->out = out;
  }
  const at::Tensor middle =
      added(o, rows_of(out, pass.out_rows), rows_of(x, pass.out_rows), norms.after_attention,
            tape ? &tape->low_o : nullptr, tape ? &tape->attention_out : nullptr);
  if (tape) tape->middle = middle;
  return middle;
}

at::Tensor Block::gated(const at::Tensor& middle, BlockTape* tape) const {
  const std::int64_t rows = middle.size(0);
  const at::Tensor input = normed(middle, norms.before_mlp, gate_up.room(rows));
  if (!tape) return gate_up.apply_gated(input, nullptr, nullptr, down.room(rows));
  tape->product = gate_up.apply_gated(input, &tape->low_gate_up, &tape->pair, down.room(rows));
  return tape->product;
}

void Block::restore_product(BlockTape& tape) const {
  tape.product = gated_product(tape.pair, gate_up.activation());
}

at::Tensor Block::mlp(const at::Tensor& product, const at::Tensor& middle, BlockTape* tape) const {
  return added(down, product, middle, norms.after_mlp, tape ? &tape->low_down : nullptr,
               tape ? &tape->mlp_out : nullptr);
}

void Block::restore_mlp(BlockTape& tape) const {
  if (norms.after_mlp.defined() && !tape.mlp_out.defined()) {
    tape.mlp_out = down.apply(tape.product, &tape.low_down);
  } else if (!tape.low_down.product.defined() && !down.low_rank().empty()) {
    down.low_rank().down(tape.product, &tape.low_down);
  }
}

at::Tensor Block::mlp_backward(const at::Tensor& dy, const BlockTape& tape,
                               const BlockParts& parts) const {
  const at::Tensor dproduct = down.backward(branch_gradient(dy, norms.after_mlp, tape.mlp_out),
                                            tape.product, tape.low_down, parts.down);
  const at::Tensor dpair =
      gated_backward(tape.pair, dproduct, gate_up.activation(), gate_up.backward_room());
  const at::Tensor dnormed = gate_up.backward(dpair, normed(tape.middle, norms.before_mlp),
                                              tape.low_gate_up, parts.gate_up);
  return norm_gradient(tape.middle, norms.before_mlp, dnormed, dy, o.backward_room());
}

at::Tensor Block::attention_backward(const at::Tensor& dmiddle, const BlockPass& pass,
                                     const BlockTape& tape, const BlockParts& parts,
                                     bool wants_input) const {
  const std::int64_t tokens = tape.x.size(0);
  const at::Tensor dattended =
      o.backward(branch_gradient(dmiddle, norms.after_attention, tape.attention_out),
                 rows_of(tape.out, pass.out_rows), tape.low_o, parts.o);
  const AttentionGrads grads =
      attend_backward(spread(dattended, pass.out_rows, tokens), tape.q, tape.k, tape.v, tape.out,
                      tape.lse, *pass.pattern, rule_);
  const at::Tensor dinput =
      qkv.backward(turn_backward(grads, pass, tape), normed(tape.x, norms.before_attention),
                   tape.low_qkv, parts.qkv, wants_input);
  if (!wants_input) return {};
  // What reads it is the layer below, a block alike.
  return norm_gradient(tape.x, norms.before_attention, dinput,
                       spread(dmiddle, pass.out_rows, tokens), down.backward_room());
}

}  // namespace tradeoff::model
