#include "tradeoff/lora/merge.hpp"

#include <ATen/ops/mm.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/lora/peft.hpp"
#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/model/stored_weights.hpp"
#include "tradeoff/model/weights.hpp"

namespace tradeoff::lora {
namespace {

namespace fs = std::filesystem;

bool same_folder(const fs::path& a, const fs::path& b) {
  return fs::exists(a) && fs::exists(b) && fs::equivalent(a, b);
}

// The update of the weight with this name; undefined matrices where it has none.
model::LowRank update_of(const model::AdapterWeights& weights, const std::string& name) {
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    for (const model::Projection projection : model::kProjections) {
      const auto layer = static_cast<std::int64_t>(i);
      if (name == model::module_name(layer, projection) + ".weight")
        return weights.at(layer, projection);
    }
  }
  return {};
}

model::Dtype stored_dtype(const at::Tensor& tensor) {
  return tensor.scalar_type() == c10::ScalarType::Float ? model::Dtype::f32 : model::Dtype::bf16;
}

}  // namespace

void merge(const fs::path& base, const fs::path& adapter_folder, const fs::path& out,
           model::Quantization quantization) {
  const c10::InferenceMode inference;
  check(!same_folder(base, out) && !same_folder(adapter_folder, out),
        out.string() + ": --out is one of the inputs; name another folder");
  const model::DecoderConfig config = model::read_config(base / "config.json");
  const Adapter adapter = read_peft(adapter_folder, config);
  const model::StoredWeights weights(base, config, quantization);
  std::vector<model::TensorSpec> specs;
  for (const model::WeightShape& weight : model::weight_shapes(config)) {
    specs.push_back({weight.name, stored_dtype(weights.get(weight.name)), weight.shape});
  }
  fs::create_directories(out);
  fs::remove(out / "config.json");
  model::remove_weights(out);
  at::Tensor merged;
  model::write_safetensors(out / "model.safetensors", specs, [&](std::size_t i) {
    const at::Tensor weight = weights.get(specs[i].name);
    const model::LowRank update = update_of(adapter.weights, specs[i].name);
    merged = weight.contiguous();
    if (update.a.defined()) {
      at::Tensor sum = at::mm(update.b, update.a).mul_(update.scaling);
      merged = sum.add_(weight).to(weight.scalar_type());
    }
    return std::span(static_cast<const std::byte*>(merged.const_data_ptr()), specs[i].bytes());
  });
  for (const auto& entry : fs::directory_iterator(base)) {
    const std::string name = entry.path().filename().string();
    const bool weight_file =
        name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
    if (!entry.is_regular_file() || weight_file || name == "config.json") continue;
    const bool copied = name.ends_with(".json") || name.ends_with(".jinja") ||
                        name.ends_with(".model") || name.ends_with(".txt");
    if (copied) write_atomically(out / name, read_text(entry.path()));
  }
  // Last, so that a folder with a config is whole.
  Json json = read_json(base / "config.json");
  json.erase("quantization_config");
  const char* const dtype = specs.front().dtype == model::Dtype::f32 ? "float32" : "bfloat16";
  for (const char* key : {"dtype", "torch_dtype"}) {
    if (json.contains(key)) json[key] = dtype;
  }
  write_atomically(out / "config.json", json.dump(2) + "\n");
}

}  // namespace tradeoff::lora
