#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tradeoff/model/low_rank.hpp"
#include "tradeoff/model/switches.hpp"
#include "tradeoff/quant/nf4.hpp"

namespace tradeoff::model {

/// A frozen weight applied as x·Wᵀ + bias, with low-rank updates. On the CPU it is kept packed for
/// the matrix kernels; on CUDA as it is. Weights that are bfloat16 stay so even where activations
/// are float32 (the widening is exact).
class Linear {
 public:
  Linear() = default;
  /// weight [out, in] on the CPU, float32 or bfloat16, contiguous; copied to `device` in the form
  /// used there. `dtype` is the activations': float32 or bfloat16.
  Linear(const at::Tensor& weight, c10::Device device, c10::ScalarType dtype);
  /// The pair of a gated MLP, gate rows before up rows [2 out, in]: apply_gated gives
  /// activation(x·gateᵀ) * (x·upᵀ).
  static Linear gated(const at::Tensor& pair, Activation activation, c10::Device device,
                      c10::ScalarType dtype);
  /// The same of weights that stay in NF4 and are dequantised anew for every product. The rows of
  /// `parts` follow one another; a gated pair is gate and up.
  static Linear quantised(std::vector<quant::Nf4Weight> parts, Columns columns, c10::Device device,
                          c10::ScalarType dtype, Activation activation = Activation::silu);
  /// From now on the products carry this bias too, [rows].
  void set_bias(const at::Tensor& bias);

  /// x [T, in] → [T, out] in x's dtype. A tape keeps what `backward` needs, here and below. The
  /// room behind x is overwritten.
  at::Tensor apply(const at::Tensor& x, LowRankTape* tape = nullptr) const;
  /// x [T, in], residual [T, out] → residual + x·Wᵀ.
  at::Tensor apply_add(const at::Tensor& x, const at::Tensor& residual,
                       LowRankTape* tape = nullptr) const;
  /// x [T, in] → [T, out of one of the pair]. `pair`, where given, becomes the two products before
  /// the activation, [T, 2 out], gate first. The result's rows have `room`.
  at::Tensor apply_gated(const at::Tensor& x, LowRankTape* tape = nullptr,
                         at::Tensor* pair = nullptr, std::int64_t room = 0) const;
  /// x [T, in] → float32 [T, out], not rounded to x's dtype: logits. Without low-rank updates.
  at::Tensor apply_float(const at::Tensor& x) const;

  /// From now on W stands for W + scaling · b·a of the parts, computed unmerged. The values are
  /// copied. In a gated pair the rows of up follow those of gate. No parts: W alone.
  void set_low_rank(std::span<const LowRankPart> parts);
  const LowRankUpdate& low_rank() const { return low_rank_; }
  /// The room (room.hpp) that inputs of this many rows, or gradients dy, best have: what it takes
  /// to put x·aᵀ behind x, so that base and updates are one product.
  std::int64_t room(std::int64_t rows) const;
  std::int64_t backward_room() const { return low_rank_.room(); }

  /// Keeps what apply_transposed needs: on the CPU a packed Wᵀ. weight [rows, in]: what the
  /// constructor got, gate rows before up rows. Not needed (and without effect) where the weight
  /// stays in NF4, and on CUDA.
  void prepare_backward(const at::Tensor& weight);
  /// For dy [T, rows], the gradient of the product with x: adds to those of the updates' parts
  /// (LowRankUpdate::backward) and returns the gradient at x, [T, in], where it is wanted. The room
  /// behind dy is overwritten.
  at::Tensor backward(const at::Tensor& dy, const at::Tensor& x, const LowRankTape& tape,
                      std::span<const LowRankPart> grads, bool wants_input = true) const;
  /// dy [T, rows] → dy·W [T, in], in the activations' dtype, without low-rank updates. dy may be
  /// float32 where activations are bfloat16; the result is then float32.
  at::Tensor apply_transposed(const at::Tensor& dy) const;

  Activation activation() const { return activation_; }
  std::int64_t in_features() const { return in_; }
  std::int64_t out_features() const { return out_; }
  /// Rows of the weight: out_features, twice that for a gated pair.
  std::int64_t rows() const { return columns_ == Columns::gated ? 2 * out_ : out_; }

 private:
  struct Request;
  at::Tensor run(const at::Tensor& x, const Request& request) const;
  at::Tensor run_cuda(const at::Tensor& x, const Request& request) const;
  at::Tensor run_transposed(const at::Tensor& dy, const at::Tensor& u) const;
  at::Tensor backward_cuda(const at::Tensor& dy, const at::Tensor& x, const LowRankTape& tape,
                           std::span<const LowRankPart> grads, bool wants_input) const;
  at::Tensor forward_weight() const;
  at::Tensor transposed_weight(std::int64_t room) const;
  void dequantise_to(const at::Tensor& dense) const;  // [rows, in]
  at::Tensor dequantised() const;
  at::Tensor resident(const at::Tensor& dense) const;
  at::Tensor product_cuda(const at::Tensor& x, const at::Tensor& weight) const;

  // CPU: packed in panels, as its products read it. CUDA: [rows + room, in + room], the updates' up
  // to the right of W and their a below it. Undefined where it stays in NF4.
  at::Tensor weight_;
  at::Tensor transposed_;  // CPU: panels of Wᵀ
  std::vector<quant::Nf4Weight> nf4_;
  std::int64_t in_ = 0, out_ = 0;
  c10::ScalarType dtype_ = c10::ScalarType::Float;
  c10::Device device_ = c10::Device(c10::kCPU);
  Columns columns_ = Columns::plain;
  Activation activation_ = Activation::silu;
  at::Tensor bias_;  // CPU: float32; CUDA: of the activations' dtype; undefined: none
  LowRankUpdate low_rank_;
};

}  // namespace tradeoff::model
