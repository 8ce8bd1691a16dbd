#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tradeoff/model/attention.hpp"
#include "tradeoff/model/backward.hpp"
#include "tradeoff/model/dropout.hpp"

/// The CUDA side of ops.hpp and attention.hpp: ops_cuda.cu, or no_cuda.cpp, whose functions throw.
namespace tradeoff::model::cuda {

/// True where this build has the CUDA kernels.
bool compiled();

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, std::int64_t room);
void norm_columns_(at::Tensor& x, std::int64_t begin, std::int64_t groups, const at::Tensor& weight,
                   double eps);
at::Tensor rope_scatter(const at::Tensor& qkv, const RopeShape& shape, const at::Tensor& cos_sin,
                        const at::Tensor& position, const at::Tensor& kv_row, at::Tensor& k_arena,
                        at::Tensor& v_arena);
at::Tensor gated_product(const at::Tensor& x, Activation activation, std::int64_t room);
at::Tensor argmax_rows(const at::Tensor& logits);

// Of backward.hpp and dropout.hpp: backward_cuda.cu.
at::Tensor rms_norm_backward(const at::Tensor& x, const at::Tensor& weight, double eps,
                             const at::Tensor& dy, const at::Tensor& add, std::int64_t room);
at::Tensor rope_backward(const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                         const RopeShape& shape, const at::Tensor& cos_sin,
                         const at::Tensor& position, const at::Tensor& kv_row,
                         c10::ScalarType dtype, std::int64_t room);
void norm_columns_backward_(at::Tensor& dy, const at::Tensor& x, std::int64_t begin,
                            std::int64_t groups, const at::Tensor& weight, double eps);
at::Tensor gated_backward(const at::Tensor& pair, const at::Tensor& dproduct, Activation activation,
                          std::int64_t room);
LossGradient cross_entropy(const at::Tensor& logits, const at::Tensor& targets,
                           const at::Tensor& weights, c10::ScalarType dtype);
at::Tensor dropout_mask(const DropoutRows& rows, std::int64_t module, std::int64_t columns,
                        std::uint32_t threshold);

/// One part of a low-rank update whose input has dropout.
struct DroppedPart {
  at::Tensor a;             // [r, C], rows that may lie apart, of x's dtype
  at::Tensor mask;          // bits, int64 [T, ceil(C / 64)]
  std::int64_t column = 0;  // the first of its columns among those of all parts
};
/// factor · (mask ∘ x)·aᵀ of all parts side by side, [T, room]; 0 in columns of no part.
at::Tensor dropped_down(const at::Tensor& x, std::span<const DroppedPart> parts, std::int64_t room,
                        double factor);
/// gradients[i] (float32 [r, C], contiguous) += factor · uᵀ·(mask ∘ x) of part i; u [T, room].
void add_dropped_gradient(const at::Tensor& u, const at::Tensor& x,
                          std::span<const DroppedPart> parts, double factor,
                          std::span<const at::Tensor> gradients);
/// dx [T, C] += factor · Σ over parts of mask ∘ (u·a).
void add_dropped_input_gradient(const at::Tensor& u, std::span<const DroppedPart> parts,
                                double factor, at::Tensor& dx);

/// One level of attention by a plain kernel, a warp a (query, head), for what the flash kernels do
/// not take (float32, unusual head widths, windows, score caps). Returns {out [T, H, d], lse
/// float32 [H, T]}; -inf where a query has no keys.
std::pair<at::Tensor, at::Tensor> attend_level(const at::Tensor& q, const at::Tensor& k,
                                               const at::Tensor& v,
                                               const AttentionPattern::Offsets& offsets,
                                               bool causal, const ScoreRule& rule);

/// Merges partial attentions of the same queries: outs[i] [T, H, d], lses[i] float32 [H, T] (an
/// infinite value marks a query without keys). Returns Σ outs · exp(lse - merged lse) as [T, H·d].
at::Tensor merge_attention(const std::vector<at::Tensor>& outs,
                           const std::vector<at::Tensor>& lses);

}  // namespace tradeoff::model::cuda
