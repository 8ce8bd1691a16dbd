#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <string>

#include "tradeoff/base/json.hpp"
#include "tradeoff/model/config.hpp"

/// Model folders whose linear layers are stored in NF4, as transformers + bitsandbytes write and
/// read them.
namespace tradeoff::model {

/// Whether a model's linear layers are used in NF4. as_stored: what the folder is. nf4: also where
/// it holds dense weights, whose bfloat16 values are quantised as they are read. none: a folder in
/// NF4 is an Error.
enum class Quantization { as_stored, none, nf4 };

/// True for the matrices that are quantised: every projection of every layer; not embedding, norms,
/// head.
bool is_quantised_weight(const std::string& name);

/// The value of config.json's "quantization_config".
Json nf4_quantization_config();

/// Throws Error naming the key when config.json asks for a quantisation other than bitsandbytes'
/// NF4. Returns whether it asks for NF4.
bool asks_for_nf4(const Json& config_json);

/// Writes the weights of a folder with NF4 linear layers (double quantisation) and all else in
/// bfloat16: model.safetensors, or where they have more than `shard_bytes`, shards with an index,
/// which are read and hashed at the same time. What stood there under these names goes.
/// `weight(name)` gives the tensor of that name, of any floating type; NF4 quantises its bfloat16
/// values where it lies. Returns the number of bytes. The quantised model is held in memory: its
/// first bytes say how long the rest is.
std::int64_t write_nf4_safetensors(const std::filesystem::path& folder, const DecoderConfig& config,
                                   const std::function<at::Tensor(const std::string& name)>& weight,
                                   std::int64_t shard_bytes = std::int64_t{1} << 30);

}  // namespace tradeoff::model
