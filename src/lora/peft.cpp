#include "tradeoff/lora/peft.hpp"

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/model/safetensors.hpp"

namespace tradeoff::lora {
namespace {

namespace fs = std::filesystem;
constexpr const char* kConfigFile = "adapter_config.json";
constexpr const char* kWeightsFile = "adapter_model.safetensors";

// Options of PEFT that change the result and that this engine does not compute. Each must be absent
// or hold nothing.
constexpr const char* kUnsupported[] = {
    "use_rslora",        "use_dora",          "rank_pattern",
    "alpha_pattern",     "modules_to_save",   "layers_to_transform",
    "layers_pattern",    "fan_in_fan_out",    "lora_bias",
    "exclude_modules",   "layer_replication", "trainable_token_indices",
    "target_parameters", "use_qalora",        "alora_invocation_tokens",
    "megatron_config"};

bool holds_something(const Json& value) {
  if (value.is_null()) return false;
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_array() || value.is_object()) return !value.empty();
  return true;
}

std::string tensor_name(std::int64_t layer, model::Projection projection, char matrix) {
  return fmt::format("base_model.model.{}.lora_{}.weight", model::module_name(layer, projection),
                     matrix);
}

// Every matrix of the adapter with its name in the file.
template <typename Visit>
void for_each_matrix(const model::AdapterWeights& weights, const Visit& visit) {
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    for (const model::Projection projection : model::kProjections) {
      const model::LowRank& update = weights.at(static_cast<std::int64_t>(i), projection);
      if (!update.a.defined()) continue;
      visit(tensor_name(static_cast<std::int64_t>(i), projection, 'A'), update.a);
      visit(tensor_name(static_cast<std::int64_t>(i), projection, 'B'), update.b);
    }
  }
}

c10::ScalarType scalar_type(const model::StoredTensor& tensor) {
  switch (tensor.dtype) {
    case model::Dtype::f32:
      return c10::ScalarType::Float;
    case model::Dtype::bf16:
      return c10::ScalarType::BFloat16;
    case model::Dtype::f16:
      return c10::ScalarType::Half;
    default:
      fail(fmt::format("dtype {}, expected F32, BF16 or F16", model::name_of(tensor.dtype)));
  }
}

LoraOptions parse_options(const Json& json) {
  const auto type = field<std::string>(json, "peft_type");
  check(type == "LORA", "peft_type: found \"" + type + "\", expected \"LORA\"");
  for (const char* key : kUnsupported) {
    const auto found = json.find(key);
    if (found != json.end() && holds_something(*found)) {
      fail(fmt::format("{}: found {}; LoRA adapters with it are not supported", key,
                       to_line(*found)));
    }
  }
  const auto bias = field_or<std::string>(json, "bias", "none");
  check(bias == "none", "bias: found \"" + bias + "\", expected \"none\"");
  LoraOptions options;
  options.lora_r = field<int>(json, "r");
  options.lora_alpha = field<double>(json, "lora_alpha");
  options.lora_dropout = field_or<double>(json, "lora_dropout", 0.0);
  const auto targets = json.find("target_modules");
  check(targets != json.end(), "missing key \"target_modules\"");
  if (targets->is_string() && *targets == "all-linear") {
    options.target_modules = {"all-linear"};
  } else {
    check(targets->is_array(), "target_modules: found " + to_line(*targets) +
                                   ", expected a list of names, or \"all-linear\"");
    options.target_modules = targets->get<std::vector<std::string>>();
  }
  check_options(options);
  // One spelling: what is compared and written later does not depend on the file's order.
  return normalised(std::move(options));
}

}  // namespace

LoraOptions read_peft_options(const fs::path& folder) {
  const fs::path config = folder / kConfigFile, weights = folder / kWeightsFile;
  check(fs::is_directory(folder), folder.string() + ": no such adapter folder");
  const bool has_config = fs::exists(config), has_weights = fs::exists(weights);
  if (!has_config || !has_weights) {
    fail(fmt::format("{}: {} is missing{}", folder.string(),
                     has_config ? kWeightsFile : kConfigFile,
                     has_config != has_weights ? ": the adapter is half written"
                                               : ", so this is no adapter folder"));
  }
  try {
    return parse_options(read_json(config));
  } catch (const std::exception& error) {
    const std::string what = error.what(), path = config.string();
    fail(what.starts_with(path) ? what : path + ": " + what);
  }
}

Adapter read_peft(const fs::path& folder, const model::DecoderConfig& config) {
  const c10::InferenceMode inference;
  Adapter adapter = make_adapter(config, read_peft_options(folder));
  const model::SafetensorsFile file(folder / kWeightsFile);
  std::map<std::string, const model::StoredTensor*> stored;
  for (const auto& tensor : file.tensors()) stored[tensor.name] = &tensor;
  for_each_matrix(adapter.weights, [&](const std::string& name, const at::Tensor& to) {
    const auto found = stored.find(name);
    if (found == stored.end()) {
      fail(fmt::format("{}: tensor {} is missing; {} names its module as a target",
                       file.path().string(), name, kConfigFile));
    }
    const model::StoredTensor& tensor = *found->second;
    if (tensor.shape != to.sizes().vec()) {
      fail(fmt::format("{}: tensor {}: shape [{}], expected [{}] for r {} and this base model",
                       file.path().string(), name, fmt::join(tensor.shape, ", "),
                       fmt::join(to.sizes(), ", "), adapter.options.lora_r));
    }
    try {
      const at::Tensor view = at::from_blob(const_cast<std::byte*>(tensor.bytes.data()),
                                            tensor.shape, at::TensorOptions(scalar_type(tensor)));
      to.copy_(view);
    } catch (const Error& error) {
      fail(fmt::format("{}: tensor {}: {}", file.path().string(), name, error.what()));
    }
    stored.erase(found);
  });
  if (!stored.empty()) {
    fail(fmt::format("{}: tensor {} belongs to no target of {} or no layer of this base model",
                     file.path().string(), stored.begin()->first, kConfigFile));
  }
  return adapter;
}

void write_peft(const fs::path& folder, const Adapter& adapter, const std::string& base_model) {
  const c10::InferenceMode inference;
  fs::create_directories(folder);
  // Without its config a folder is no adapter: what stands there meanwhile cannot be taken for one.
  fs::remove(folder / kConfigFile);
  std::vector<model::TensorSpec> specs;
  std::vector<at::Tensor> tensors;
  for_each_matrix(adapter.weights, [&](const std::string& name, const at::Tensor& tensor) {
    specs.push_back({name, model::Dtype::f32, tensor.sizes().vec()});
    tensors.push_back(tensor.cpu().contiguous());
  });
  model::write_safetensors(folder / kWeightsFile, specs, [&](std::size_t i) {
    return std::span(static_cast<const std::byte*>(tensors[i].const_data_ptr()), specs[i].bytes());
  });
  std::vector<std::string> names;
  for (const model::Projection projection : parse_targets(adapter.options.target_modules)) {
    names.emplace_back(model::name_of(projection));
  }
  const double alpha = adapter.options.lora_alpha;
  const Json whole_alpha = static_cast<std::int64_t>(alpha);
  const Json config = {
      {"peft_type", "LORA"},
      {"task_type", "CAUSAL_LM"},
      {"base_model_name_or_path", base_model},
      {"r", adapter.options.lora_r},
      {"lora_alpha",
       alpha == static_cast<double>(static_cast<std::int64_t>(alpha)) ? whole_alpha : Json(alpha)},
      {"lora_dropout", adapter.options.lora_dropout},
      {"bias", "none"},
      {"target_modules", names},
      {"inference_mode", true}};
  write_atomically(folder / kConfigFile, config.dump(2) + "\n");
}

}  // namespace tradeoff::lora
