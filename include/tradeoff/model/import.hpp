#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "tradeoff/model/device.hpp"
#include "tradeoff/model/nf4_folder.hpp"

namespace tradeoff::model {

enum class StoredDtype { bfloat16, float32 };

struct ImportOptions {
  // A GGUF file, or a Hugging Face folder with safetensors.
  std::filesystem::path model;
  // The model folder to write.
  std::filesystem::path out;
  // Type of the weights in model.safetensors.
  StoredDtype dtype = StoredDtype::bfloat16;
  // nf4: linear layers in bitsandbytes' NF4, double-quantised; as_stored, none: as they are.
  Quantization quantization = Quantization::as_stored;
  // Where NF4 is quantised; the bytes are the same on all.
  DeviceChoice device = DeviceChoice::automatic;
};

struct ImportSummary {
  std::string source;  // "GGUF (Q4_1, Q8_0, F32)" or "Hugging Face folder (BF16)"
  std::int64_t tensors = 0, parameters = 0, bytes = 0;
};

/// Writes model.safetensors under transformers' names, generation_config.json, the tokenizer's
/// files and, last, config.json, so that a folder with a config is whole. transformers'
/// AutoModelForCausalLM and AutoTokenizer load it as it is. The whole source is validated before
/// anything is written. Throws Error naming file and tensor.
ImportSummary import_model(const ImportOptions& options);

}  // namespace tradeoff::model
