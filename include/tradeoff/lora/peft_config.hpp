#pragma once
#include <filesystem>

#include "tradeoff/base/json.hpp"
#include "tradeoff/lora/modules.hpp"

namespace tradeoff::lora {

inline constexpr const char* kConfigFile = "adapter_config.json";
inline constexpr const char* kWeightsFile = "adapter_model.safetensors";

/// What an adapter_config.json says.
struct PeftConfig {
  // r, alpha, dropout and rsLoRA; the targets stand in `rules`.
  LoraOptions options;
  ModuleRules rules;
};

/// Reads adapter_config.json by a list of every key that PEFT (0.21) writes: each is computed as
/// PEFT does, or without effect on a finished adapter, or refused. An unknown key is refused: what
/// it means cannot be left out in silence. Errors name file, key, found and expected.
PeftConfig read_peft_config(const std::filesystem::path& folder);

/// The form of the adapter in `folder` for a model. Errors name the file.
AdapterForm form_of(const std::filesystem::path& folder, const PeftConfig& peft,
                    const model::DecoderConfig& config);

/// The products that carry an update in some layer, as target_modules.
std::vector<std::string> target_names(const AdapterForm& form);

/// The options of an adapter whose layers are all alike, for training. Throws Error where modules
/// differ in rank or scaling, or layers in their targets.
LoraOptions read_peft_options(const std::filesystem::path& folder,
                              const model::DecoderConfig& config);

/// What of the config decides the result, for records: lora_r, lora_alpha, target_modules, and
/// those other keys that say something.
Json peft_record(const std::filesystem::path& folder);

}  // namespace tradeoff::lora
