#include <ATen/ops/tensor.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "files/gguf_config.hpp"
#include "source.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/gguf_parts.hpp"
#include "tradeoff/model/ggml_blocks.hpp"
#include "tradeoff/model/weights.hpp"

namespace tradeoff::model {
namespace {

// "model.layers.3.mlp.up_proj.weight" → "blk.3.ffn_up.weight".
std::string gguf_name(const DecoderConfig& config, const std::string& name) {
  if (name == "model.embed_tokens.weight") return "token_embd.weight";
  if (name == "model.norm.weight") return "output_norm.weight";
  if (name == "lm_head.weight") return "output.weight";
  const NormNames& norms = config.norms;
  const std::pair<std::string, const char*> kParts[] = {
      {"self_attn.q_proj", "attn_q"},
      {"self_attn.k_proj", "attn_k"},
      {"self_attn.v_proj", "attn_v"},
      {"self_attn.qkv_proj", "attn_qkv"},
      {"self_attn.o_proj", "attn_output"},
      {"mlp.gate_proj", "ffn_gate"},
      {"mlp.up_proj", "ffn_up"},
      {"mlp.gate_up_proj", "ffn_up"},
      {"mlp.down_proj", "ffn_down"},
      {norms.before_attention, "attn_norm"},
      {norms.after_attention, "post_attention_norm"},
      {norms.before_mlp, "ffn_norm"},
      {norms.after_mlp, "post_ffw_norm"},
      {norms.q, "attn_q_norm"},
      {norms.k, "attn_k_norm"}};
  const std::string layers = "model.layers.";
  if (name.starts_with(layers)) {
    const std::size_t dot = name.find('.', layers.size()), end = name.rfind('.');
    const std::string part = name.substr(dot + 1, end - dot - 1), ending = name.substr(end);
    for (const auto& [ours, theirs] : kParts) {
      if (part == ours)
        return "blk." + name.substr(layers.size(), dot - layers.size()) + "." + theirs + ending;
    }
  }
  fail("no GGUF name for tensor " + name);
}

class GgufSource : public Source {
 public:
  explicit GgufSource(const std::filesystem::path& path)
      : file_(path), architecture_(gguf_architecture(file_.head())), config_(read()) {
    std::set<std::string> used = {"rope_freqs.weight", "rope_factors_short.weight",
                                  "rope_factors_long.weight"};
    for (const WeightShape& weight : weight_shapes(config_))
      used.insert(gguf_name(config_, weight.name));
    for (const GgufTensor* tensor : file_.tensors()) {
      if (used.contains(tensor->name)) continue;
      fail(fmt::format("{}: tensor {} is not read by general.architecture \"{}\"", path.string(),
                       tensor->name, architecture_.name));
    }
  }

  std::string description() const override {
    std::set<std::string> types;
    for (const GgufTensor* tensor : file_.tensors())
      types.insert(std::string(name_of(tensor->type)));
    return fmt::format("GGUF ({})", fmt::join(types, ", "));
  }
  DecoderConfig config() const override { return config_; }
  bool has(const std::string& name) const override {
    return file_.has_tensor(gguf_name(config_, name));
  }

  std::vector<std::int64_t> shape(const std::string& name) const override {
    const auto& ggml = file_.tensor(gguf_name(config_, name)).shape;
    return {ggml.rbegin(), ggml.rend()};
  }

  at::Tensor values(const std::string& name) const override {
    return at::tensor(floats(name)).view(shape(name));
  }

  text::Vocabulary vocabulary() const override {
    return text::read_vocabulary(file_.head().path());
  }
  std::vector<std::int32_t> eos_ids() const override {
    const GgufFile& head = file_.head();
    if (!head.has("tokenizer.ggml.eos_token_id")) return {};
    const std::uint64_t id = head.uint_value("tokenizer.ggml.eos_token_id");
    if (id >= static_cast<std::uint64_t>(config_.vocab_size)) {
      fail(fmt::format("{}: key \"tokenizer.ggml.eos_token_id\": found {}, expected 0 to {}",
                       head.path().string(), id, config_.vocab_size - 1));
    }
    return {static_cast<std::int32_t>(id)};
  }

 private:
  std::vector<float> floats(const std::string& name) const {
    const GgufTensor& tensor = file_.tensor(gguf_name(config_, name));
    std::size_t count = 1;
    for (const std::uint64_t dimension : tensor.shape) count *= dimension;
    std::vector<float> values(count);
    try {
      dequantise(tensor.type, tensor.data, values);
    } catch (const Error& error) {
      fail(fmt::format("{}: tensor {}: {}", file_.head().path().string(), tensor.name,
                       error.what()));
    }
    if (architecture_.permuted && name.find(".q_proj.") != std::string::npos)
      return unpermuted(values, config_.num_attention_heads);
    if (architecture_.permuted && name.find(".k_proj.") != std::string::npos)
      return unpermuted(values, config_.num_key_value_heads);
    if (architecture_.adds_one && name.ends_with("norm.weight")) {
      for (float& value : values) value -= 1;
    }
    return values;
  }

  DecoderConfig read() const {
    const Json json = gguf_config(file_);
    try {
      return parse_config(json);
    } catch (const Error& error) {
      fail(file_.head().path().string() + ": " + error.what());
    }
  }

  // llama.cpp stores q and k rows for interleaved pairs: [heads, d/2, 2, in]; transformers pairs
  // halves: [heads, 2, d/2, in].
  std::vector<float> unpermuted(const std::vector<float>& from, std::int64_t heads) const {
    const std::int64_t half = config_.head_dim / 2,
                       in = static_cast<std::int64_t>(from.size()) / (heads * 2 * half);
    std::vector<float> to(from.size());
    for (std::int64_t h = 0; h < heads; ++h) {
      for (std::int64_t part = 0; part < 2; ++part) {
        for (std::int64_t i = 0; i < half; ++i) {
          const float* const row = from.data() + ((h * half + i) * 2 + part) * in;
          std::copy(row, row + in, to.data() + ((h * 2 + part) * half + i) * in);
        }
      }
    }
    return to;
  }

  GgufParts file_;
  GgufArchitecture architecture_;
  DecoderConfig config_;
};

}  // namespace

std::unique_ptr<Source> open_gguf_source(const std::filesystem::path& file) {
  return std::make_unique<GgufSource>(file);
}

}  // namespace tradeoff::model
