#include "tradeoff/model/nf4_folder.hpp"

#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include "tradeoff/base/error.hpp"
#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/model/weights.hpp"
#include "tradeoff/quant/nf4_checkpoint.hpp"

namespace tradeoff::model {
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

std::int64_t write_nf4_safetensors(const std::filesystem::path& file, const DecoderConfig& config,
                                   const std::function<at::Tensor(const std::string&)>& weight) {
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
  write_safetensors(file, specs, [&](std::size_t i) {
    return std::span(static_cast<const std::byte*>(tensors[i].second.const_data_ptr()),
                     specs[i].bytes());
  });
  return bytes;
}

}  // namespace tradeoff::model
