#pragma once
#include <string>
#include <vector>

#include "tradeoff/model/projection.hpp"

namespace tradeoff::lora {

/// LoRA (Hu et al. 2021, arXiv:2106.09685) under PEFT's names.
struct LoraOptions {
  // Rank r of the update B·A.
  int lora_r = 8;
  // The update is scaled by lora_alpha / lora_r.
  double lora_alpha = 16;
  // It is scaled by lora_alpha / sqrt(lora_r) instead (rsLoRA, arXiv:2312.03732). Comes with an
  // adapter; no option of the program sets it.
  bool use_rslora = false;
  // Probability with which an element of the update's input is dropped in training.
  double lora_dropout = 0.05;
  // Which products carry an update: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj;
  // qkv_proj and gate_up_proj in a family that keeps them fused. "all-linear": all that there are.
  std::vector<std::string> target_modules = {"all-linear"};
};

/// The targets in the order of model::projections_of. Throws Error naming one that the model has
/// not or that stands twice, and where there is none.
std::vector<model::Projection> parse_targets(const std::vector<std::string>& names,
                                             const model::DecoderConfig& config);

/// The same with the targets spelled out, in that order.
LoraOptions normalised(LoraOptions options, const model::DecoderConfig& config);

/// Throws Error naming the option unless r >= 1, alpha > 0, 0 <= dropout < 1 and every target is
/// one that some model has.
void check_options(const LoraOptions& options);

}  // namespace tradeoff::lora
