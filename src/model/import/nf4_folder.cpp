#include "tradeoff/model/nf4_folder.hpp"

#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <span>
#include <vector>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/model/weights.hpp"
#include "tradeoff/quant/nf4_checkpoint.hpp"

namespace tradeoff::model {
namespace fs = std::filesystem;
namespace {

Dtype dtype_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case c10::ScalarType::Float:
      return Dtype::f32;
    case c10::ScalarType::BFloat16:
      return Dtype::bf16;
    case c10::ScalarType::Byte:
      return Dtype::u8;
    default:
      fail(fmt::format("no place for dtype {}", c10::toString(tensor.scalar_type())));
  }
}

// Where shards of about this size begin, and the end: of a tensor the codes and what belongs to
// them (NAME, NAME.absmax, ...) stand together.
std::vector<std::size_t> shards_of(std::span<const TensorSpec> specs, std::int64_t bytes) {
  std::vector<std::size_t> first = {0};
  std::int64_t held = 0;
  std::string owner;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const bool belongs = i > 0 && specs[i].name.starts_with(owner + ".");
    if (!belongs) {
      owner = specs[i].name;
      std::int64_t next = 0;
      for (std::size_t k = i; k < specs.size(); ++k) {
        if (k > i && !specs[k].name.starts_with(owner + ".")) break;
        next += static_cast<std::int64_t>(specs[k].bytes());
      }
      if (held > 0 && held + next > bytes) {
        first.push_back(i);
        held = 0;
      }
    }
    held += static_cast<std::int64_t>(specs[i].bytes());
  }
  first.push_back(specs.size());
  return first;
}

}  // namespace

bool is_quantised_weight(const std::string& name) {
  return name.ends_with("_proj.weight");
}

Json nf4_quantization_config() {
  return {{"_load_in_4bit", true},
          {"_load_in_8bit", false},
          {"bnb_4bit_compute_dtype", "bfloat16"},
          {"bnb_4bit_quant_storage", "uint8"},
          {"bnb_4bit_quant_type", "nf4"},
          {"bnb_4bit_use_double_quant", true},
          {"llm_int8_enable_fp32_cpu_offload", false},
          {"llm_int8_has_fp16_weight", false},
          {"llm_int8_skip_modules", nullptr},
          {"llm_int8_threshold", 6.0},
          {"load_in_4bit", true},
          {"load_in_8bit", false},
          {"quant_method", "bitsandbytes"}};
}

bool asks_for_nf4(const Json& config_json) {
  const auto found = config_json.find("quantization_config");
  if (found == config_json.end() || found->is_null()) return false;
  check(found->is_object(),
        "key \"quantization_config\": found " + to_line(*found) + ", expected an object");
  const auto expect = [&](const char* key, const Json& value) {
    const auto at = found->find(key);
    if (at == found->end() || *at != value) {
      fail(
          fmt::format("quantization_config: key \"{}\": found {}, expected {} (bitsandbytes' NF4 "
                      "is what is supported)",
                      key, at == found->end() ? "nothing" : to_line(*at), to_line(value)));
    }
  };
  expect("quant_method", "bitsandbytes");
  expect("load_in_4bit", true);
  expect("bnb_4bit_quant_type", "nf4");
  return true;
}

std::int64_t write_nf4_safetensors(const fs::path& folder, const DecoderConfig& config,
                                   const std::function<at::Tensor(const std::string&)>& weight,
                                   std::int64_t shard_bytes) {
  const c10::InferenceMode inference;
  std::vector<quant::NamedTensor> tensors;
  for (const WeightShape& shape : weight_shapes(config)) {
    // A copy of its own: what `weight` gives may be a view of something that goes away.
    const at::Tensor values =
        weight(shape.name).to(c10::ScalarType::BFloat16, false, /*copy=*/true);
    if (is_quantised_weight(shape.name)) {
      for (auto& part : quant::to_tensors(quant::quantise(values).to(c10::kCPU), shape.name))
        tensors.push_back(std::move(part));
    } else {
      tensors.emplace_back(shape.name, values.cpu());
    }
  }
  std::vector<TensorSpec> specs;
  std::int64_t bytes = 0;
  for (auto& [name, tensor] : tensors) {
    tensor = tensor.contiguous();
    specs.push_back({name, dtype_of(tensor), tensor.sizes().vec()});
    bytes += static_cast<std::int64_t>(specs.back().bytes());
  }
  remove_weights(folder);
  const std::vector<std::size_t> first = shards_of(specs, shard_bytes);
  Json weight_map = Json::object();
  for (std::size_t shard = 0; shard + 1 < first.size(); ++shard) {
    const std::size_t begin = first[shard], count = first[shard + 1] - begin;
    const std::string name = first.size() == 2 ? "model.safetensors"
                                               : fmt::format("model-{:05}-of-{:05}.safetensors",
                                                             shard + 1, first.size() - 1);
    write_safetensors(folder / name, std::span(specs).subspan(begin, count), [&](std::size_t i) {
      return std::span(static_cast<const std::byte*>(tensors[begin + i].second.const_data_ptr()),
                       specs[begin + i].bytes());
    });
    for (std::size_t i = begin; i < begin + count; ++i) weight_map[specs[i].name] = name;
  }
  if (first.size() > 2) {
    const Json index = {{"metadata", {{"total_size", bytes}}}, {"weight_map", weight_map}};
    write_atomically(folder / "model.safetensors.index.json", index.dump(2) + "\n");
  }
  return bytes;
}

}  // namespace tradeoff::model
