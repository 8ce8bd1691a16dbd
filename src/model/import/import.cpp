#include "tradeoff/model/import.hpp"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "load/finite.hpp"
#include "source.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/model/nf4_folder.hpp"
#include "tradeoff/model/safetensors.hpp"
#include "tradeoff/model/weights.hpp"

namespace tradeoff::model {
namespace {

std::unique_ptr<Source> open_source(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path))
    fail(path.string() + ": no such file or folder; expected a GGUF file or a model folder");
  if (std::filesystem::is_directory(path)) return open_folder_source(path);
  const MappedFile file(path);
  refuse_pickle(file.bytes(), path);
  check(file.text().starts_with("GGUF"),
        path.string() + ": not a GGUF file; for safetensors name the folder");
  return open_gguf_source(path);
}

// `file` is what `source` was made of.
at::Tensor finite_values(const Source& source, const std::filesystem::path& file,
                         const std::string& name) {
  const at::Tensor values = source.values(name);
  const std::span bytes(static_cast<const std::byte*>(values.const_data_ptr()), values.nbytes());
  if (all_finite(bytes, values.scalar_type())) return values;
  const at::Tensor floats = values.to(c10::ScalarType::Float);
  const std::span all(floats.const_data_ptr<float>(), static_cast<std::size_t>(floats.numel()));
  const auto found =
      std::ranges::find_if_not(all, [](float value) { return std::isfinite(value); });
  fail(fmt::format("{}: tensor {}: value {} is {}, expected a finite number", file.string(), name,
                   found - all.begin(), *found));
}

// The tokens that end an answer: what the source names, and the end-of-turn token of a chat
// vocabulary.
std::vector<std::int32_t> end_tokens(const Source& source, const text::Vocabulary& vocabulary) {
  std::vector<std::int32_t> ids = source.eos_ids();
  for (const text::AddedToken& token : vocabulary.added) {
    const bool ends_turn =
        token.text == "<|eot_id|>" || token.text == "<|im_end|>" || token.text == "<end_of_turn>";
    if (ends_turn && std::ranges::find(ids, token.id) == ids.end()) ids.push_back(token.id);
  }
  if (ids.empty()) ids = vocabulary.eos;
  check(!ids.empty(), "the source names no end-of-sequence token");
  return ids;
}

// How the model's makers sample from it, where the source tells.
void keep_sampling(const std::filesystem::path& source, Json& generation) {
  const auto file = source / "generation_config.json";
  if (!std::filesystem::is_directory(source) || !std::filesystem::exists(file)) return;
  const Json theirs = read_json(file);
  check(theirs.is_object(), file.string() + ": expected a JSON object");
  for (const char* key : {"do_sample", "temperature", "top_p", "top_k", "repetition_penalty"}) {
    const auto found = theirs.find(key);
    if (found != theirs.end() && !found->is_null()) generation[key] = *found;
  }
}

// The tensors to be written, as the options store them; each is in the source, in its shape.
std::vector<TensorSpec> specs_of(const DecoderConfig& config, const Source& source,
                                 const ImportOptions& options) {
  std::vector<TensorSpec> specs;
  for (const WeightShape& weight : weight_shapes(config)) {
    check(source.has(weight.name),
          options.model.string() + ": tensor " + weight.name + " is missing");
    const auto found = source.shape(weight.name);
    if (found != weight.shape) {
      fail(fmt::format("{}: tensor {}: shape [{}], expected [{}]", options.model.string(),
                       weight.name, fmt::join(found, ", "), fmt::join(weight.shape, ", ")));
    }
    specs.push_back({weight.name, options.dtype == StoredDtype::float32 ? Dtype::f32 : Dtype::bf16,
                     weight.shape});
  }
  return specs;
}

// Returns their bytes.
std::int64_t write_weights(const std::vector<TensorSpec>& specs, const DecoderConfig& config,
                           const Source& source, const ImportOptions& options) {
  if (options.quantization == Quantization::nf4) {
    const c10::Device device = pick_device(options.device, 0, 1);
    return write_nf4_safetensors(options.out, config, [&](const std::string& name) {
      return finite_values(source, options.model, name).to(device);
    });
  }
  const auto dtype =
      options.dtype == StoredDtype::float32 ? c10::ScalarType::Float : c10::ScalarType::BFloat16;
  at::Tensor values;
  remove_weights(options.out);
  write_safetensors(options.out / "model.safetensors", specs, [&](std::size_t i) {
    values = finite_values(source, options.model, specs[i].name).to(dtype);
    return std::span(static_cast<const std::byte*>(values.const_data_ptr()), values.nbytes());
  });
  std::int64_t bytes = 0;
  for (const TensorSpec& spec : specs) bytes += static_cast<std::int64_t>(spec.bytes());
  return bytes;
}

}  // namespace

ImportSummary import_model(const ImportOptions& options) {
  check(options.quantization != Quantization::nf4 || options.dtype == StoredDtype::bfloat16,
        "--quantization nf4 with --dtype float32: NF4 quantises the bfloat16 values; leave out "
        "--dtype");
  const auto source = open_source(options.model);
  const DecoderConfig config = source->config();
  check(
      !asks_for_nf4(config.json),
      options.model.string() +
          ": the folder is in NF4 already; there is nothing to import, --model takes it as it is");
  const text::Vocabulary vocabulary = source->vocabulary();
  check(static_cast<std::int64_t>(vocabulary.tokens.size()) <= config.vocab_size,
        fmt::format("{}: the vocabulary has {} tokens, the embedding {} rows",
                    options.model.string(), vocabulary.tokens.size(), config.vocab_size));
  const auto eos = end_tokens(*source, vocabulary);

  const std::vector<TensorSpec> specs = specs_of(config, *source, options);
  ImportSummary summary{.source = source->description()};
  summary.tensors = static_cast<std::int64_t>(specs.size());
  for (const TensorSpec& spec : specs)
    summary.parameters += static_cast<std::int64_t>(spec.bytes() / byte_size(spec.dtype));

  std::filesystem::create_directories(options.out);
  check(!std::filesystem::is_directory(options.model) ||
            !std::filesystem::equivalent(options.model, options.out),
        options.out.string() + ": --out is the folder that is imported; name another");
  std::filesystem::remove(options.out / "config.json");
  summary.bytes = write_weights(specs, config, *source, options);
  text::write_hf_tokenizer(vocabulary, options.out);
  Json generation = {{"do_sample", false}, {"eos_token_id", eos}};
  if (vocabulary.bos) generation["bos_token_id"] = *vocabulary.bos;
  if (vocabulary.pad) generation["pad_token_id"] = *vocabulary.pad;
  keep_sampling(options.model, generation);
  write_atomically(options.out / "generation_config.json", generation.dump(2) + "\n");
  Json json = to_json(config, options.dtype == StoredDtype::float32 ? "float32" : "bfloat16");
  if (options.quantization == Quantization::nf4) {
    json["quantization_config"] = nf4_quantization_config();
  }
  // Without these keys transformers takes ids of the family's own.
  json["bos_token_id"] = vocabulary.bos ? Json(*vocabulary.bos) : Json();
  json["eos_token_id"] = eos.front();
  json["pad_token_id"] = vocabulary.pad ? Json(*vocabulary.pad) : Json();
  write_atomically(options.out / "config.json", json.dump(2) + "\n");
  return summary;
}

}  // namespace tradeoff::model
