#pragma once
#include <filesystem>
#include <string>

#include "tradeoff/lora/adapter.hpp"

namespace tradeoff::lora {

/// Reads a PEFT adapter folder (adapter_config.json, adapter_model.safetensors) for a model of this
/// shape. Throws Error naming file, key, what was found and what was expected: another kind of
/// adapter, a key or value of the config that this engine does not compute (peft_config.hpp), a
/// tensor that is missing, left over or of another shape, a folder half written.
Adapter read_peft(const std::filesystem::path& folder, const model::DecoderConfig& config);

/// Writes the folder as PEFT does, float32, the config last, each file whole or not at all.
/// `base_model` becomes base_model_name_or_path.
void write_peft(const std::filesystem::path& folder, const Adapter& adapter,
                const std::string& base_model);

}  // namespace tradeoff::lora
