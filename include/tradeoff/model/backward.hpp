#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "tradeoff/model/switches.hpp"

/// Gradients of ops.hpp's operations, under the same rules.
namespace tradeoff::model {

/// Gradient at x of rms_norm for dy, plus `add` where it is defined; all [T, D] of one dtype. The
/// norm's weight is frozen, float32 [D].
at::Tensor rms_norm_backward(const at::Tensor& x, const at::Tensor& weight, double eps,
                             const at::Tensor& dy, const at::Tensor& add, std::int64_t room = 0);

/// Gradient of the fused projection that rope_scatter rotated: dq [T, H, d], dk and dv [S, G, d],
/// all of one dtype (float32 on the CPU) → [T, (H + 2G) d] in `dtype`.
at::Tensor rope_backward(const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                         const RopeShape& shape, const at::Tensor& cos_sin,
                         const at::Tensor& position, const at::Tensor& kv_row,
                         c10::ScalarType dtype, std::int64_t room = 0);

/// Gradient of norm_columns_ at its input x, in place: those columns of dy [T, C] become the
/// gradient; both of one dtype.
void norm_columns_backward_(at::Tensor& dy, const at::Tensor& x, std::int64_t begin,
                            std::int64_t groups, const at::Tensor& weight, double eps);

/// Gradient of activation(gate) * up at the pair [T, 2F], gate first, for dproduct [T, F].
at::Tensor gated_backward(const at::Tensor& pair, const at::Tensor& dproduct, Activation activation,
                          std::int64_t room = 0);

struct LossGradient {
  at::Tensor losses;    // [R], float32, not weighted
  at::Tensor gradient;  // [R, V], of Σ weights · losses at the logits
};
/// Cross-entropy of each row of logits (float32 [R, V], overwritten) against targets (int64 [R]),
/// and its gradient in `dtype`; weights float32 [R].
LossGradient cross_entropy(const at::Tensor& logits, const at::Tensor& targets,
                           const at::Tensor& weights, c10::ScalarType dtype);

}  // namespace tradeoff::model
