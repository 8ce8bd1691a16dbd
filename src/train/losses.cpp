#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "gradient_pass.hpp"
#include "tradeoff/model/backward.hpp"
#include "tradeoff/model/ops.hpp"

namespace tradeoff::train {

std::int64_t logit_bytes(c10::Device device) {
  return (device.is_cuda() ? std::int64_t{256} : std::int64_t{64}) << 20;
}

at::Tensor GradientPass::losses(const PackedBatch& batch, double weight, const at::Tensor& hidden,
                                at::Tensor& dhidden) const {
  const model::DecoderConfig& config = decoder_.config();
  const std::int64_t targets = batch.targets.size(0);
  const std::int64_t slice =
      std::clamp<std::int64_t>(logit_bytes(hidden.device()) / (4 * config.vocab_size), 1, targets);
  const auto floats = hidden.options().dtype(c10::ScalarType::Float);
  const at::Tensor normed = model::rms_norm(hidden, decoder_.final_norm(), config.rms_norm_eps);
  at::Tensor dnormed = at::zeros(hidden.sizes(), floats);
  std::vector<at::Tensor> all;
  for (std::int64_t begin = 0; begin < targets; begin += slice) {
    const std::int64_t count = std::min(slice, targets - begin);
    const at::Tensor rows = batch.target_row.narrow(0, begin, count);
    const at::Tensor logits = decoder_.logits(normed.index_select(0, rows));
    // cross_entropy overwrites them.
    const at::Tensor kept = config.logit_cap > 0 ? logits.clone() : logits;
    const auto [losses, dlogits] =
        model::cross_entropy(logits, batch.targets.narrow(0, begin, count),
                             at::full({count}, weight, floats), decoder_.dtype());
    all.push_back(losses);
    const at::Tensor drows = decoder_.head()
                                 .apply_transposed(decoder_.logits_backward(dlogits, kept))
                                 .to(c10::ScalarType::Float);
    if (!batch.rows_repeat) {
      dnormed.index_copy_(0, rows, drows);
    } else if (drows.is_cuda()) {
      // Sums equal rows in a fixed order; index_add_ does so on the CPU alone.
      dnormed.index_put_({rows}, drows, /*accumulate=*/true);
    } else {
      dnormed.index_add_(0, rows, drows);
    }
  }
  dhidden = model::rms_norm_backward(hidden, decoder_.final_norm(), config.rms_norm_eps,
                                     dnormed.to(decoder_.dtype()), {});
  return at::cat(all).cpu();
}

}  // namespace tradeoff::train
