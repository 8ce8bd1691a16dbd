#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tradeoff/quant/nf4.hpp"

/// NF4 weights in a checkpoint, under the keys that transformers and bitsandbytes use. Of a weight
/// "X.weight": X.weight (packed), then X.weight followed by .absmax, .quant_map, .nested_absmax,
/// .nested_quant_map (the last two where absmax is nested), and .quant_state.bitsandbytes__nf4 (u8,
/// the rest as JSON text).
namespace tradeoff::quant {

using NamedTensor = std::pair<std::string, at::Tensor>;

/// What follows the weight's own key, where the JSON stands; a checkpoint with it holds `X.weight`
/// in NF4.
inline constexpr std::string_view kQuantStateSuffix = ".quant_state.bitsandbytes__nf4";

/// True for every key beside `X.weight` itself: `X.weight.absmax` and so on.
bool is_nf4_part(std::string_view key);

/// The tensors to write, `name` ("X.weight") first. JSON is byte for byte what Python's json.dumps
/// writes. Throws Error where nested_offset is not finite (the weight had NaN or infinity).
std::vector<NamedTensor> to_tensors(const Nf4Weight& weight, const std::string& name);

/// Builds the weight `name` from a checkpoint. `find(key)` gives the tensor, undefined where the
/// key is missing. Throws Error naming the key, what was found and what was expected.
Nf4Weight from_tensors(const std::string& name,
                       const std::function<at::Tensor(const std::string& key)>& find);

/// The JSON text of the quant state.
std::string quant_state_json(const Nf4Weight& weight);

}  // namespace tradeoff::quant
