#pragma once
#include <filesystem>

#include "tradeoff/model/nf4_folder.hpp"

namespace tradeoff::lora {

/// Writes `base` with the PEFT adapter merged in as a model folder that transformers loads: each
/// target's weight becomes W + scaling · B·A, computed in float32 and rounded once to the dtype of
/// W; everything else is copied. An NF4 base (or one that `quantization` makes NF4) is dequantised
/// first, since merging into 4 bits would change the answers (PEFT #2321). Throws Error naming file
/// and tensor, and where `out` is one of the inputs.
void merge(const std::filesystem::path& base, const std::filesystem::path& adapter,
           const std::filesystem::path& out,
           model::Quantization quantization = model::Quantization::as_stored);

}  // namespace tradeoff::lora
