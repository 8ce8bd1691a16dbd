#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <set>

#include "source.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/gguf.hpp"
#include "tradeoff/model/ggml_blocks.hpp"

namespace tradeoff::model {
namespace {

// "model.layers.3.mlp.up_proj.weight" → "blk.3.ffn_up.weight".
std::string gguf_name(const std::string& name) {
  if (name == "model.embed_tokens.weight") return "token_embd.weight";
  if (name == "model.norm.weight") return "output_norm.weight";
  if (name == "lm_head.weight") return "output.weight";
  static const std::pair<const char*, const char*> kParts[] = {
      {"self_attn.q_proj", "attn_q"},          {"self_attn.k_proj", "attn_k"},
      {"self_attn.v_proj", "attn_v"},          {"self_attn.o_proj", "attn_output"},
      {"mlp.gate_proj", "ffn_gate"},           {"mlp.up_proj", "ffn_up"},
      {"mlp.down_proj", "ffn_down"},           {"input_layernorm", "attn_norm"},
      {"post_attention_layernorm", "ffn_norm"}};
  const std::string layers = "model.layers.";
  if (name.starts_with(layers)) {
    const std::size_t dot = name.find('.', layers.size());
    for (const auto& [ours, theirs] : kParts) {
      if (name.substr(dot + 1) == std::string(ours) + ".weight") {
        return "blk." + name.substr(layers.size(), dot - layers.size()) + "." + theirs + ".weight";
      }
    }
  }
  fail("no GGUF name for tensor " + name);
}

class GgufSource : public Source {
 public:
  explicit GgufSource(const std::filesystem::path& path) : file_(path), config_(read()) {}

  std::string description() const override {
    std::set<std::string> types;
    for (const GgufTensor& tensor : file_.tensors())
      types.insert(std::string(name_of(tensor.type)));
    return fmt::format("GGUF ({})", fmt::join(types, ", "));
  }
  LlamaConfig config() const override { return config_; }
  bool has(const std::string& name) const override { return file_.has_tensor(gguf_name(name)); }

  std::vector<std::int64_t> shape(const std::string& name) const override {
    const auto& ggml = file_.tensor(gguf_name(name)).shape;
    return {ggml.rbegin(), ggml.rend()};
  }

  std::vector<float> values(const std::string& name) const override {
    const GgufTensor& tensor = file_.tensor(gguf_name(name));
    std::size_t count = 1;
    for (const std::uint64_t dimension : tensor.shape) count *= dimension;
    std::vector<float> floats(count);
    try {
      dequantise(tensor.type, tensor.data, floats);
    } catch (const Error& error) {
      fail(fmt::format("{}: tensor {}: {}", file_.path().string(), tensor.name, error.what()));
    }
    if (name.ends_with("q_proj.weight")) return unpermuted(floats, config_.num_attention_heads);
    if (name.ends_with("k_proj.weight")) return unpermuted(floats, config_.num_key_value_heads);
    return floats;
  }

  text::Vocabulary vocabulary() const override { return text::read_vocabulary(file_.path()); }
  std::vector<std::int32_t> eos_ids() const override {
    if (!file_.has("tokenizer.ggml.eos_token_id")) return {};
    return {static_cast<std::int32_t>(file_.uint_value("tokenizer.ggml.eos_token_id"))};
  }

 private:
  LlamaConfig read() const {
    const std::string architecture = file_.string_value("general.architecture");
    if (architecture != "llama") {
      fail(fmt::format("{}: general.architecture is \"{}\", expected \"llama\"",
                       file_.path().string(), architecture));
    }
    const auto size = [&](const char* key) {
      return static_cast<std::int64_t>(file_.uint_value(std::string("llama.") + key));
    };
    const auto size_or = [&](const char* key, std::int64_t fallback) {
      return file_.has(std::string("llama.") + key) ? size(key) : fallback;
    };
    LlamaConfig c;
    c.hidden_size = size("embedding_length");
    c.intermediate_size = size("feed_forward_length");
    c.num_hidden_layers = size("block_count");
    c.num_attention_heads = size("attention.head_count");
    c.num_key_value_heads = size_or("attention.head_count_kv", c.num_attention_heads);
    check(
        c.num_attention_heads > 0 && c.num_key_value_heads > 0 &&
            c.num_attention_heads % c.num_key_value_heads == 0,
        file_.path().string() + ": llama.attention.head_count must be a multiple of head_count_kv");
    c.head_dim = size_or("attention.key_length", c.hidden_size / c.num_attention_heads);
    c.max_position_embeddings = size("context_length");
    c.rms_norm_eps = file_.real_value("llama.attention.layer_norm_rms_epsilon");
    // The file holds float32; a person wrote 1e-05.
    c.rms_norm_eps = std::stod(fmt::format("{:.6g}", c.rms_norm_eps));
    if (file_.has("llama.rope.freq_base"))
      c.rope_theta = std::stod(fmt::format("{:.7g}", file_.real_value("llama.rope.freq_base")));
    c.vocab_size = static_cast<std::int64_t>(file_.tensor("token_embd.weight").shape.back());
    c.tie_word_embeddings = !file_.has_tensor("output.weight");
    if (file_.has("llama.rope.scaling.type") &&
        file_.string_value("llama.rope.scaling.type") != "none") {
      fail(file_.path().string() + ": llama.rope.scaling.type \"" +
           file_.string_value("llama.rope.scaling.type") +
           "\" is not supported; expected none, or Llama-3.1's rope_freqs tensor");
    }
    if (file_.has_tensor("rope_freqs.weight")) c.rope_scaling = llama31_scaling(c);
    return c;
  }

  // Llama-3.1 files carry the frequency divisors themselves. They are recognised, never guessed.
  RopeScaling llama31_scaling(const LlamaConfig& config) const {
    const GgufTensor& tensor = file_.tensor("rope_freqs.weight");
    const auto half = static_cast<std::size_t>(config.head_dim / 2);
    check(tensor.type == GgmlType::F32 && tensor.shape == std::vector<std::uint64_t>{half},
          file_.path().string() + ": rope_freqs.weight: expected F32 of head_dim / 2 values");
    std::vector<float> divisors(half);
    dequantise(tensor.type, tensor.data, divisors);
    LlamaConfig plain = config;
    const std::vector<float> base = inverse_frequencies(plain);
    for (const double factor : {8.0, 32.0}) {  // 3.1; 3.2
      LlamaConfig scaled = config;
      scaled.rope_scaling = RopeScaling{factor, 1, 4, 8192};
      const std::vector<float> expected = inverse_frequencies(scaled);
      bool equal = true;
      for (std::size_t i = 0; i < half; ++i)
        equal = equal && std::abs(base[i] / divisors[i] / expected[i] - 1) < 1e-4;
      if (equal) return *scaled.rope_scaling;
    }
    fail(file_.path().string() +
         ": rope_freqs.weight is not Llama-3.1's or 3.2's scaling; no other is supported");
  }

  // llama.cpp stores q and k rows for interleaved pairs: [heads, d/2, 2, in]; transformers pairs
  // halves: [heads, 2, d/2, in].
  std::vector<float> unpermuted(const std::vector<float>& from, std::int64_t heads) const {
    const std::int64_t half = config_.head_dim / 2, in = config_.hidden_size;
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

  GgufFile file_;
  LlamaConfig config_;
};

}  // namespace

std::unique_ptr<Source> open_gguf_source(const std::filesystem::path& file) {
  return std::make_unique<GgufSource>(file);
}

}  // namespace tradeoff::model
