#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tradeoff/model/switches.hpp"

/// The operations of a decoder block besides its products, on CPU or CUDA by the tensors' device.
/// Tensors are contiguous; T tokens, D hidden, H query heads, G key/value heads, d head width.
/// Results do not depend on the number of threads, and a row's result does not depend on the rows
/// beside it. On CUDA, rows of inputs may have room behind them, and `room` is what a result's rows
/// get (room.hpp); on the CPU there is none.
namespace tradeoff::model {

/// x / sqrt(mean(x²) + eps) * weight over the last dimension; x [T, D], weight float32 [D].
/// Computed in float32.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps,
                    std::int64_t room = 0);

/// rms_norm of column groups in place: x [T, C], its columns [begin, begin + groups · W), each
/// group of W by itself; weight float32 [W].
void norm_columns_(at::Tensor& x, std::int64_t begin, std::int64_t groups, const at::Tensor& weight,
                   double eps);

/// Rotary embedding of the fused projection and scatter into the arena.
/// qkv [T, (H + 2G) d]; cos_sin float32 [positions, rotary] (cosines, then sines, rotary / 2 each);
/// position, kv_row int64 [T]; k_arena, v_arena [S, G, d]: row kv_row[i] is written. Returns the
/// rotated queries [T, H, d].
at::Tensor rope_scatter(const at::Tensor& qkv, const RopeShape& shape, const at::Tensor& cos_sin,
                        const at::Tensor& position, const at::Tensor& kv_row, at::Tensor& k_arena,
                        at::Tensor& v_arena);

/// activation(x[:, :F]) * x[:, F:] for x [T, 2F] on CUDA; on the CPU the product computes it
/// (Linear::apply_gated).
at::Tensor gated_product(const at::Tensor& x, Activation activation, std::int64_t room = 0);

/// Greedy choice: index of the first greatest value of each row; logits float32 [T, V] → int64 [T]
/// on the same device.
at::Tensor argmax_rows(const at::Tensor& logits);

/// log-softmax over the row at the given columns; logits float32 [T, V], columns int64 [T, C] →
/// float32 [T, C].
at::Tensor log_softmax_at(const at::Tensor& logits, const at::Tensor& columns);

}  // namespace tradeoff::model
