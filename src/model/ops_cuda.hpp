#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "tradeoff/model/attention.hpp"
#include "tradeoff/model/backward.hpp"
#include "tradeoff/model/dropout.hpp"

/// The CUDA side of ops.hpp and attention.hpp: ops_cuda.cu, or no_cuda.cpp, whose functions throw.
namespace tradeoff::model::cuda {

/// True where this build has the CUDA kernels.
bool compiled();

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);
void norm_columns_(at::Tensor& x, std::int64_t begin, std::int64_t groups, const at::Tensor& weight,
                   double eps);
at::Tensor rope_scatter(const at::Tensor& qkv, const RopeShape& shape, const at::Tensor& cos_sin,
                        const at::Tensor& position, const at::Tensor& kv_row, at::Tensor& k_arena,
                        at::Tensor& v_arena);
at::Tensor gated_product(const at::Tensor& x, Activation activation);
at::Tensor argmax_rows(const at::Tensor& logits);

// Of backward.hpp and dropout.hpp: backward_cuda.cu.
at::Tensor rms_norm_backward(const at::Tensor& x, const at::Tensor& weight, double eps,
                             const at::Tensor& dy, const at::Tensor& add);
at::Tensor rope_backward(const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                         const RopeShape& shape, const at::Tensor& cos_sin,
                         const at::Tensor& position, const at::Tensor& kv_row,
                         c10::ScalarType dtype);
void norm_columns_backward_(at::Tensor& dy, const at::Tensor& x, std::int64_t begin,
                            std::int64_t groups, const at::Tensor& weight, double eps);
at::Tensor gated_backward(const at::Tensor& pair, const at::Tensor& dproduct,
                          Activation activation);
LossGradient cross_entropy(const at::Tensor& logits, const at::Tensor& targets,
                           const at::Tensor& weights, c10::ScalarType dtype);
at::Tensor dropout_mask(const DropoutRows& rows, std::int64_t module, std::int64_t columns,
                        std::uint32_t threshold, double probability, c10::ScalarType dtype);

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
