#include "tradeoff/train/adamw.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tradeoff/base/error.hpp"

namespace tradeoff::train {
namespace {

// Numbers that one thread takes at a time.
constexpr std::int64_t kBlock = 1 << 16;

// Of blocks summed apart and then in order, so that the number of threads does not matter.
double sum_of_squares(const float* g, std::int64_t n) {
  std::vector<double> sums(static_cast<std::size_t>((n + kBlock - 1) / kBlock));
  at::parallel_for(0, static_cast<std::int64_t>(sums.size()), 1,
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t block = begin; block < end; ++block) {
                       const std::int64_t stop = std::min(n, (block + 1) * kBlock);
                       double sum = 0;
                       for (std::int64_t i = block * kBlock; i < stop; ++i)
                         sum += static_cast<double>(g[i]) * g[i];
                       sums[static_cast<std::size_t>(block)] = sum;
                     }
                   });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

// What a step multiplies by, rounded to float32 where PyTorch rounds.
struct Factors {
  float decay, one_minus_beta1, beta2, one_minus_beta2, root_correction, epsilon, step_size;
};

void step_cpu(float* p, const float* g, float* m, float* v, std::int64_t begin, std::int64_t end,
              const Factors& f) {
  for (std::int64_t i = begin; i < end; ++i) {
    p[i] = p[i] * f.decay;
    // lerp_ and addcmul_ end in a fused multiply-add in PyTorch's vector kernels.
    m[i] = std::fma(f.one_minus_beta1, g[i] - m[i], m[i]);
    v[i] = std::fma(f.one_minus_beta2 * g[i], g[i], v[i] * f.beta2);
    const float denominator = std::sqrt(v[i]) / f.root_correction + f.epsilon;
    p[i] = p[i] + f.step_size * m[i] / denominator;
  }
}

}  // namespace

AdamW::AdamW(at::Tensor parameters, const TrainOptions& options)
    : parameters_(std::move(parameters)),
      weight_decay_(options.weight_decay),
      beta1_(options.adam_beta1),
      beta2_(options.adam_beta2),
      epsilon_(options.adam_epsilon) {
  const c10::InferenceMode inference;
  exp_avg_ = at::zeros_like(parameters_);
  exp_avg_sq_ = at::zeros_like(parameters_);
}

void AdamW::step(const at::Tensor& gradient, double learning_rate) {
  const c10::InferenceMode inference;
  ++steps_;
  const double correction1 = 1 - std::pow(beta1_, static_cast<double>(steps_));
  const double correction2 = 1 - std::pow(beta2_, static_cast<double>(steps_));
  const double step_size = -(learning_rate / correction1), root = std::sqrt(correction2);
  if (parameters_.is_cpu()) {
    const Factors factors = {static_cast<float>(1 - learning_rate * weight_decay_),
                             static_cast<float>(1 - beta1_),
                             static_cast<float>(beta2_),
                             static_cast<float>(1 - beta2_),
                             static_cast<float>(root),
                             static_cast<float>(epsilon_),
                             static_cast<float>(step_size)};
    float* const p = parameters_.mutable_data_ptr<float>();
    float* const m = exp_avg_.mutable_data_ptr<float>();
    float* const v = exp_avg_sq_.mutable_data_ptr<float>();
    at::parallel_for(0, parameters_.numel(), kBlock, [&](std::int64_t begin, std::int64_t end) {
      step_cpu(p, gradient.const_data_ptr<float>(), m, v, begin, end, factors);
    });
    return;
  }
  parameters_.mul_(1 - learning_rate * weight_decay_);
  exp_avg_.lerp_(gradient, 1 - beta1_);
  exp_avg_sq_.mul_(beta2_).addcmul_(gradient, gradient, 1 - beta2_);
  const at::Tensor denominator = exp_avg_sq_.sqrt().div_(root).add_(epsilon_);
  parameters_.addcdiv_(exp_avg_, denominator, step_size);
}

void AdamW::restore(std::int64_t steps, const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq) {
  const c10::InferenceMode inference;
  check(exp_avg.numel() == exp_avg_.numel() && exp_avg_sq.numel() == exp_avg_.numel(),
        "optimizer state of another adapter");
  steps_ = steps;
  exp_avg_.copy_(exp_avg.view_as(exp_avg_));
  exp_avg_sq_.copy_(exp_avg_sq.view_as(exp_avg_sq_));
}

double clip_gradient(const at::Tensor& gradient, double max_norm) {
  const c10::InferenceMode inference;
  double norm = 0;
  if (gradient.is_cpu()) {
    norm = std::sqrt(sum_of_squares(gradient.const_data_ptr<float>(), gradient.numel()));
  } else {
    norm = at::linalg_vector_norm(gradient).item<float>();
  }
  if (max_norm <= 0 || !std::isfinite(norm)) return norm;
  const auto coefficient = static_cast<float>(max_norm) / (static_cast<float>(norm) + 1e-6F);
  if (coefficient < 1) gradient.mul_(coefficient);
  return norm;
}

}  // namespace tradeoff::train
