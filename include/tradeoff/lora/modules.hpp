#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tradeoff/lora/options.hpp"

namespace tradeoff::lora {

/// A key of PEFT's that selects modules: names and their endings, or a regular expression.
struct ModuleNames {
  std::vector<std::string> names;
  // Matches the whole name; empty: `names` counts.
  std::string expression;
  bool all_linear = false;

  bool empty() const { return names.empty() && expression.empty() && !all_linear; }
};

/// What adapter_config.json says of single modules, under PEFT's names and with PEFT's meaning
/// (0.21).
struct ModuleRules {
  ModuleNames target_modules, exclude_modules;
  // Empty: all layers.
  std::vector<std::int64_t> layers_to_transform;
  std::vector<std::string> layers_pattern;
  // The first key that matches the name or its ending counts.
  std::vector<std::pair<std::string, int>> rank_pattern;
  std::vector<std::pair<std::string, double>> alpha_pattern;
};

/// The update of one module; lora_r 0: none.
struct ModuleForm {
  int lora_r = 0;
  double scaling = 0;
  bool operator==(const ModuleForm&) const = default;
};

/// That of every target under these options.
ModuleForm module_form(const LoraOptions& options);

/// One entry a layer, indexed by Projection.
using AdapterForm = std::vector<std::array<ModuleForm, model::kProjections.size()>>;

/// lora_alpha / r, or lora_alpha / sqrt(r) with rsLoRA.
double scaling_of(double lora_alpha, int lora_r, bool use_rslora);

/// The form of an adapter with these options: all targets in every layer.
AdapterForm form_of(const LoraOptions& options, const model::DecoderConfig& config);

/// The same with PEFT's rules. Throws Error naming the key: an expression that the two languages of
/// regular expressions read differently, a target that is no product of a block (lm_head), and
/// where nothing is a target.
AdapterForm form_of(const LoraOptions& options, const ModuleRules& rules,
                    const model::DecoderConfig& config);

}  // namespace tradeoff::lora
