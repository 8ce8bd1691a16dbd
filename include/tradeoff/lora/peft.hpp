#pragma once
#include <filesystem>
#include <string>

#include "tradeoff/lora/adapter.hpp"

namespace tradeoff::lora {

/// Reads a PEFT adapter folder (adapter_config.json, adapter_model.safetensors) for a model of this
/// shape. Throws Error naming file, key, what was found and what was expected: another kind of
/// adapter, an option that this engine does not compute (use_dora, rank_pattern, ...), a tensor
/// that is missing, left over or of another shape, a folder half written.
Adapter read_peft(const std::filesystem::path& folder, const model::DecoderConfig& config);

/// The options of adapter_config.json alone.
LoraOptions read_peft_options(const std::filesystem::path& folder);

/// Writes the folder as PEFT does, float32, the config last, each file whole or not at all.
/// `base_model` becomes base_model_name_or_path.
void write_peft(const std::filesystem::path& folder, const Adapter& adapter,
                const std::string& base_model);

}  // namespace tradeoff::lora
