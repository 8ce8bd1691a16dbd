#include "tradeoff/lora/peft.hpp"

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/lora/peft_config.hpp"
#include "tradeoff/model/safetensors.hpp"

namespace tradeoff::lora {
namespace {

namespace fs = std::filesystem;

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

// Every tensor that the form asks for, by name, of the right shape, and no other.
std::map<std::string, const model::StoredTensor*> checked_tensors(
    const model::SafetensorsFile& file, const model::DecoderConfig& config,
    const AdapterForm& form) {
  const std::string path = file.path().string();
  std::map<std::string, const model::StoredTensor*> stored;
  for (const auto& tensor : file.tensors()) stored[tensor.name] = &tensor;
  std::set<std::string> expected;
  const auto expect = [&](const std::string& name, const std::vector<std::int64_t>& shape, int r) {
    const auto found = stored.find(name);
    if (found == stored.end()) {
      fail(fmt::format("{}: tensor {} is missing; {} names its module as a target", path, name,
                       kConfigFile));
    }
    if (found->second->shape != shape) {
      fail(fmt::format("{}: tensor {}: shape [{}], expected [{}] for r {} and this base model",
                       path, name, fmt::join(found->second->shape, ", "), fmt::join(shape, ", "),
                       r));
    }
    expected.insert(name);
  };
  for (std::size_t i = 0; i < form.size(); ++i) {
    for (const model::Projection projection : model::kProjections) {
      const int r = form[i][static_cast<std::size_t>(projection)].lora_r;
      if (r == 0) continue;
      const auto layer = static_cast<std::int64_t>(i);
      const auto [out, in] = model::shape_of(config, projection);
      expect(tensor_name(layer, projection, 'A'), {r, in}, r);
      expect(tensor_name(layer, projection, 'B'), {out, r}, r);
    }
  }
  for (const auto& [name, tensor] : stored) {
    if (expected.contains(name)) continue;
    fail(fmt::format("{}: tensor {} belongs to no target of {} or no layer of this base model",
                     path, name, kConfigFile));
  }
  return stored;
}

}  // namespace

Adapter read_peft(const fs::path& folder, const model::DecoderConfig& config) {
  const c10::InferenceMode inference;
  const PeftConfig peft = read_peft_config(folder);
  const AdapterForm form = form_of(folder, peft, config);
  const model::SafetensorsFile file(folder / kWeightsFile);
  const auto stored = checked_tensors(file, config, form);
  LoraOptions options = peft.options;
  options.target_modules = target_names(form);
  Adapter adapter = make_adapter(config, options, form);
  for_each_matrix(adapter.weights, [&](const std::string& name, const at::Tensor& to) {
    const model::StoredTensor& tensor = *stored.at(name);
    try {
      const at::Tensor view = at::from_blob(const_cast<std::byte*>(tensor.bytes.data()),
                                            tensor.shape, at::TensorOptions(scalar_type(tensor)));
      to.copy_(view);
    } catch (const Error& error) {
      fail(fmt::format("{}: tensor {}: {}", file.path().string(), name, error.what()));
    }
  });
  return adapter;
}

void write_peft(const fs::path& folder, const Adapter& adapter, const std::string& base_model) {
  const c10::InferenceMode inference;
  check(is_alike(adapter), folder.string() + ": an adapter whose modules differ is not written");
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
  const double alpha = adapter.options.lora_alpha;
  const Json whole_alpha = static_cast<std::int64_t>(alpha);
  Json config = {
      {"peft_type", "LORA"},
      {"task_type", "CAUSAL_LM"},
      {"base_model_name_or_path", base_model},
      {"r", adapter.options.lora_r},
      {"lora_alpha",
       alpha == static_cast<double>(static_cast<std::int64_t>(alpha)) ? whole_alpha : Json(alpha)},
      {"lora_dropout", adapter.options.lora_dropout},
      {"bias", "none"},
      {"target_modules", adapter.options.target_modules},
      {"inference_mode", true}};
  if (adapter.options.use_rslora) config["use_rslora"] = true;
  write_atomically(folder / kConfigFile, config.dump(2) + "\n");
}

}  // namespace tradeoff::lora
