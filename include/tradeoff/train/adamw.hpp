#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tradeoff/train/options.hpp"

namespace tradeoff::train {

/// AdamW (Loshchilov & Hutter 2019) on one flat float32 buffer, by the formulas and in the order of
/// torch.optim.AdamW. On the CPU the result does not depend on the number of threads.
class AdamW {
 public:
  /// Moments of 0 beside `parameters` (float32 [n], CPU or CUDA), which step() changes in place.
  AdamW(at::Tensor parameters, const TrainOptions& options);

  /// One update; `gradient` float32 [n] on the same device.
  void step(const at::Tensor& gradient, double learning_rate);

  /// Updates made so far, and the moments [n]: the state of a checkpoint.
  std::int64_t steps() const { return steps_; }
  const at::Tensor& exp_avg() const { return exp_avg_; }
  const at::Tensor& exp_avg_sq() const { return exp_avg_sq_; }
  void restore(std::int64_t steps, const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq);

 private:
  at::Tensor parameters_, exp_avg_, exp_avg_sq_;
  double weight_decay_, beta1_, beta2_, epsilon_;
  std::int64_t steps_ = 0;
};

/// Scales `gradient` down to `max_norm` as torch.nn.utils.clip_grad_norm_ does; 0: leaves it.
/// Returns its 2-norm before. Not finite: the gradient is left alone.
double clip_gradient(const at::Tensor& gradient, double max_norm);

}  // namespace tradeoff::train
