#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

/// Gradients of ops.hpp's operations, under the same rules.
namespace tradeoff::model {

/// Gradient at x of rms_norm for dy, plus `add` where it is defined; all [T, D] of one dtype. The
/// norm's weight is frozen.
at::Tensor rms_norm_backward(const at::Tensor& x, const at::Tensor& weight, double eps,
                             const at::Tensor& dy, const at::Tensor& add);

/// Gradient of the fused projection that rope_scatter rotated: dq [T, H, d], dk and dv [S, G, d],
/// all of one dtype (float32 on the CPU) → [T, (H + 2G) d] in `dtype`.
at::Tensor rope_backward(const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                         const at::Tensor& cos_sin, const at::Tensor& position,
                         const at::Tensor& kv_row, c10::ScalarType dtype);

/// Gradient of silu(gate) * up at the pair [T, 2F], gate first, for dproduct [T, F].
at::Tensor silu_mul_backward(const at::Tensor& pair, const at::Tensor& dproduct);

struct LossGradient {
  at::Tensor losses;    // [R], float32, not weighted
  at::Tensor gradient;  // [R, V], of Σ weights · losses at the logits
};
/// Cross-entropy of each row of logits (float32 [R, V], overwritten) against targets (int64 [R]),
/// and its gradient in `dtype`; weights float32 [R].
LossGradient cross_entropy(const at::Tensor& logits, const at::Tensor& targets,
                           const at::Tensor& weights, c10::ScalarType dtype);

}  // namespace tradeoff::model
