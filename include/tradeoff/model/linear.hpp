#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace tradeoff::model {

/// A frozen weight applied as x·Wᵀ. On the CPU it is kept packed for the matrix kernels; on CUDA as it is.
/// Weights that are bfloat16 stay so even where activations are float32 (the widening is exact).
class Linear {
 public:
  Linear() = default;
  /// weight [out, in] on the CPU, float32 or bfloat16, contiguous; copied to `device` in the form used there.
  /// `dtype` is the activations': float32 or bfloat16.
  Linear(const at::Tensor& weight, c10::Device device, c10::ScalarType dtype);
  /// The pair of a gated MLP: apply_gated gives silu(x·gateᵀ) * (x·upᵀ).
  static Linear gated(const at::Tensor& gate, const at::Tensor& up, c10::Device device, c10::ScalarType dtype);

  /// x [T, in] → [T, out] in x's dtype.
  at::Tensor apply(const at::Tensor& x) const;
  /// x [T, in], residual [T, out] → residual + x·Wᵀ.
  at::Tensor apply_add(const at::Tensor& x, const at::Tensor& residual) const;
  /// x [T, in] → [T, out of one of the pair].
  at::Tensor apply_gated(const at::Tensor& x) const;
  /// x [T, in] → float32 [T, out], not rounded to x's dtype: logits.
  at::Tensor apply_float(const at::Tensor& x) const;

  std::int64_t in_features() const { return in_; }
  std::int64_t out_features() const { return out_; }

 private:
  void pack(const at::Tensor& weight, const at::Tensor& up);
  at::Tensor run(const at::Tensor& x, const at::Tensor* residual, bool gated, bool float_out) const;

  at::Tensor weight_;  // CUDA: [out, in] (gated: gate rows, then up rows); CPU: panels of src/model/cpu/kernels.hpp
  std::int64_t in_ = 0, out_ = 0;
  c10::ScalarType dtype_ = c10::ScalarType::Float;
};

}  // namespace tradeoff::model
