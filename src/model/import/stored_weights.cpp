#include "tradeoff/model/stored_weights.hpp"

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "load/finite.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/model/nf4_folder.hpp"
#include "tradeoff/model/weights.hpp"
#include "tradeoff/quant/nf4_checkpoint.hpp"

namespace tradeoff::model {
namespace {

c10::ScalarType scalar_type(const StoredTensor& tensor) {
  switch (tensor.dtype) {
    case Dtype::f32:
      return c10::ScalarType::Float;
    case Dtype::bf16:
      return c10::ScalarType::BFloat16;
    case Dtype::f16:
      return c10::ScalarType::Half;
    case Dtype::u8:
      return c10::ScalarType::Byte;
    default:
      fail(fmt::format("dtype {}, expected F32, BF16 or F16", name_of(tensor.dtype)));
  }
}

at::Tensor view_of(const StoredTensor& stored) {
  return at::from_blob(const_cast<std::byte*>(stored.bytes.data()), stored.shape,
                       at::TensorOptions(scalar_type(stored)));
}

bool has_nf4(const StoredTensors& checkpoint, const std::string& name) {
  return checkpoint.has(name + std::string(quant::kQuantStateSuffix));
}

at::Tensor finite_view_of(const StoredTensors& checkpoint, const std::string& name) {
  const StoredTensor& stored = checkpoint.tensor(name);
  if (!all_finite(stored.bytes, scalar_type(stored))) {
    fail(fmt::format("{}: tensor {}: found NaN or infinity, expected finite weights",
                     checkpoint.folder().string(), name));
  }
  return view_of(stored);
}

}  // namespace

void refuse_unread(const StoredTensors& checkpoint, const DecoderConfig& config) {
  std::set<std::string> read;
  for (const WeightShape& weight : weight_shapes(config)) read.insert(weight.name);
  for (const std::string& name : checkpoint.names()) {
    if (read.contains(name)) continue;
    // What is left aside is no larger than what it stands for.
    const StoredTensor& stored = checkpoint.tensor(name);
    if (name.ends_with("rotary_emb.inv_freq") && stored.shape == std::vector{config.rotary_dim / 2})
      continue;
    // transformers writes a tied head where somebody saved it by hand; it is the embedding again.
    if (config.tie_word_embeddings && name == "lm_head.weight" &&
        stored.shape == std::vector{config.vocab_size, config.hidden_size})
      continue;
    const std::size_t dot = name.rfind(".weight.");
    if (dot != std::string::npos && has_nf4(checkpoint, name.substr(0, dot + 7))) continue;
    fail(
        fmt::format("{}: tensor {} is not read by model_type {}: found in the checkpoint, expected "
                    "nothing of this name",
                    checkpoint.folder().string(), name, config.model_type));
  }
}

StoredWeights::StoredWeights(const std::filesystem::path& folder, const DecoderConfig& config,
                             Quantization quantization)
    : checkpoint_(folder) {
  for (const WeightShape& weight : weight_shapes(config)) {
    const StoredTensor& stored = checkpoint_.tensor(weight.name);
    std::vector<std::int64_t> shape = stored.shape;
    try {
      if (is_stored_nf4(weight.name)) {
        shape = nf4(weight.name).shape;
        quantised_ = true;
      } else if (scalar_type(stored) == c10::ScalarType::Byte) {
        fail(fmt::format("dtype U8 without {}{}: not a format that is read here", weight.name,
                         quant::kQuantStateSuffix));
      }
    } catch (const Error& error) {
      fail(fmt::format("{}: tensor {}: {}", folder.string(), weight.name, error.what()));
    }
    if (shape != weight.shape) {
      fail(fmt::format("{}: tensor {}: shape [{}], expected [{}] by config.json", folder.string(),
                       weight.name, fmt::join(shape, ", "), fmt::join(weight.shape, ", ")));
    }
  }
  refuse_unread(checkpoint_, config);
  const auto config_json = folder / "config.json";
  const bool asked = [&] {
    try {
      return asks_for_nf4(read_json(config_json));
    } catch (const Error& error) {
      fail(config_json.string() + ": " + error.what());
    }
  }();
  if (asked != quantised_) {
    fail(fmt::format("{}: {} a quantization_config, but the weights are {}", config_json.string(),
                     asked ? "found" : "found no",
                     quantised_ ? "stored in NF4" : "not stored in NF4"));
  }
  if (quantised_ && quantization == Quantization::none) {
    fail(folder.string() + ": found NF4 weights, but --quantization none was asked for");
  }
  quantise_ = !quantised_ && quantization == Quantization::nf4;
  quantised_ = quantised_ || quantise_;
}

bool StoredWeights::is_stored_nf4(const std::string& name) const {
  return has_nf4(checkpoint_, name);
}

bool StoredWeights::is_nf4(const std::string& name) const {
  return is_stored_nf4(name) || (quantise_ && is_quantised_weight(name));
}

std::vector<std::int64_t> StoredWeights::shape(const std::string& name) const {
  return is_stored_nf4(name) ? nf4(name).shape : checkpoint_.tensor(name).shape;
}

at::Tensor StoredWeights::stored(const std::string& name) const {
  return view_of(checkpoint_.tensor(name));
}

at::Tensor StoredWeights::get(const std::string& name) const {
  if (is_nf4(name)) return quant::dequantise(nf4(name));
  const at::Tensor view = finite_view_of(checkpoint_, name);
  // float16 has no kernels here; float32 holds its values exactly.
  return view.scalar_type() == c10::ScalarType::Half ? view.to(c10::ScalarType::Float) : view;
}

quant::Nf4Weight StoredWeights::nf4(const std::string& name) const {
  if (!is_stored_nf4(name)) {
    return quant::quantise(finite_view_of(checkpoint_, name).to(c10::ScalarType::BFloat16));
  }
  return quant::from_tensors(name, [&](const std::string& key) {
    return checkpoint_.has(key) ? finite_view_of(checkpoint_, key) : at::Tensor();
  });
}

}  // namespace tradeoff::model
