#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "source.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/gguf.hpp"
#include "tradeoff/model/families.hpp"
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

// An architecture of GGUF files and the model_type of its config.json.
struct Architecture {
  std::string_view name, model_type;
  bool permuted = false;  // q and k rows stand for neighbouring pairs
  bool adds_one = false;  // norms are stored as 1 + w
};
constexpr Architecture kArchitectures[] = {{"llama", "llama", true},
                                           {"qwen2", "qwen2"},
                                           {"qwen3", "qwen3"},
                                           {"smollm3", "smollm3"},
                                           {"gemma3", "gemma3_text", false, true}};

class GgufSource : public Source {
 public:
  explicit GgufSource(const std::filesystem::path& path) : file_(path), config_(read()) {
    std::set<std::string> used = {"rope_freqs.weight"};
    for (const WeightShape& weight : weight_shapes(config_))
      used.insert(gguf_name(config_, weight.name));
    for (const GgufTensor& tensor : file_.tensors()) {
      if (used.contains(tensor.name)) continue;
      fail(fmt::format("{}: tensor {} is not read by general.architecture \"{}\"", path.string(),
                       tensor.name, architecture_.name));
    }
  }

  std::string description() const override {
    std::set<std::string> types;
    for (const GgufTensor& tensor : file_.tensors())
      types.insert(std::string(name_of(tensor.type)));
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

  std::vector<float> values(const std::string& name) const override {
    const GgufTensor& tensor = file_.tensor(gguf_name(config_, name));
    std::size_t count = 1;
    for (const std::uint64_t dimension : tensor.shape) count *= dimension;
    std::vector<float> floats(count);
    try {
      dequantise(tensor.type, tensor.data, floats);
    } catch (const Error& error) {
      fail(fmt::format("{}: tensor {}: {}", file_.path().string(), tensor.name, error.what()));
    }
    if (architecture_.permuted && name.find(".q_proj.") != std::string::npos)
      return unpermuted(floats, config_.num_attention_heads);
    if (architecture_.permuted && name.find(".k_proj.") != std::string::npos)
      return unpermuted(floats, config_.num_key_value_heads);
    if (architecture_.adds_one && name.ends_with("norm.weight")) {
      for (float& value : floats) value -= 1;
    }
    return floats;
  }

  text::Vocabulary vocabulary() const override { return text::read_vocabulary(file_.path()); }
  std::vector<std::int32_t> eos_ids() const override {
    if (!file_.has("tokenizer.ggml.eos_token_id")) return {};
    const std::uint64_t id = file_.uint_value("tokenizer.ggml.eos_token_id");
    if (id >= static_cast<std::uint64_t>(config_.vocab_size)) {
      fail(fmt::format("{}: key \"tokenizer.ggml.eos_token_id\": found {}, expected 0 to {}",
                       file_.path().string(), id, config_.vocab_size - 1));
    }
    return {static_cast<std::int32_t>(id)};
  }

 private:
  DecoderConfig read() {
    const std::string name = file_.string_value("general.architecture");
    const auto* const found = std::ranges::find(kArchitectures, name, &Architecture::name);
    if (found == std::end(kArchitectures)) {
      std::vector<std::string_view> names;
      for (const Architecture& each : kArchitectures) names.push_back(each.name);
      fail(fmt::format("{}: general.architecture is \"{}\", expected one of {}",
                       file_.path().string(), name, fmt::join(names, ", ")));
    }
    architecture_ = *found;
    try {
      return parse_config(config_json());
    } catch (const Error& error) {
      fail(file_.path().string() + ": " + error.what());
    }
  }

  std::string key(const char* name) const { return std::string(architecture_.name) + "." + name; }
  std::int64_t size(const char* name) const {
    return static_cast<std::int64_t>(file_.uint_value(key(name)));
  }
  std::int64_t size_or(const char* name, std::int64_t fallback) const {
    return file_.has(key(name)) ? size(name) : fallback;
  }

  // The file's facts as a config.json of its family.
  Json config_json() const {
    const std::int64_t hidden = size("embedding_length"), heads = size("attention.head_count");
    check(heads > 0, file_.path().string() + ": " + key("attention.head_count") + " is 0");
    const std::int64_t head_dim = size_or("attention.key_length", hidden / heads);
    const std::int64_t turned = size_or("rope.dimension_count", head_dim);
    if (turned != head_dim) {
      fail(fmt::format("key \"{}\": found {}, expected {}, the width of a head",
                       key("rope.dimension_count"), turned, head_dim));
    }
    const bool silu = family_of(architecture_.model_type).activation == Activation::silu;
    Json json = {
        {"architectures", {std::string(family_of(architecture_.model_type).architecture)}},
        {"model_type", std::string(architecture_.model_type)},
        {silu ? "hidden_act" : "hidden_activation", silu ? "silu" : "gelu_pytorch_tanh"},
        {"vocab_size", file_.tensor("token_embd.weight").shape.back()},
        {"hidden_size", hidden},
        {"intermediate_size", size("feed_forward_length")},
        {"num_hidden_layers", size("block_count")},
        {"num_attention_heads", heads},
        {"num_key_value_heads", size_or("attention.head_count_kv", heads)},
        {"head_dim", head_dim},
        {"max_position_embeddings", size("context_length")},
        // The file holds float32; a person wrote 1e-05.
        {"rms_norm_eps", std::stod(fmt::format(
                             "{:.6g}", file_.real_value(key("attention.layer_norm_rms_epsilon"))))},
        {"tie_word_embeddings", !file_.has_tensor("output.weight")}};
    json["rope_theta"] = 10000.0;
    if (file_.has(key("rope.freq_base")))
      json["rope_theta"] =
          std::stod(fmt::format("{:.7g}", file_.real_value(key("rope.freq_base"))));
    add_own_keys(json, hidden, heads, head_dim);
    add_rope_scaling(json);
    return json;
  }

  void add_own_keys(Json& json, std::int64_t hidden, std::int64_t heads,
                    std::int64_t head_dim) const {
    const Family& family = family_of(architecture_.model_type);
    if (family.model_type == "llama") {
      json["attention_bias"] = file_.has_tensor("blk.0.attn_q.bias");
      json["mlp_bias"] = file_.has_tensor("blk.0.ffn_up.bias");
    }
    if (file_.has(key("attention.sliding_window")))
      json["sliding_window"] = size("attention.sliding_window");
    if (family.query_scalar) {
      // llama.cpp's rule: the 27B model of 62 layers alone has another scale.
      json["query_pre_attn_scalar"] = size("block_count") == 62 ? hidden / heads : head_dim;
    }
  }

  void add_rope_scaling(Json& json) const {
    if (file_.has_tensor("rope_freqs.weight")) {
      json["rope_scaling"] = llama31_scaling(json);
      return;
    }
    if (!file_.has(key("rope.scaling.type"))) return;
    const std::string type = file_.string_value(key("rope.scaling.type"));
    if (type == "none") return;
    if (type != "linear") {
      fail(
          fmt::format("{} \"{}\" is not supported; expected none, linear, or Llama-3.1's "
                      "rope_freqs tensor",
                      key("rope.scaling.type"), type));
    }
    json["rope_scaling"] = {{"rope_type", "linear"},
                            {"factor", file_.real_value(key("rope.scaling.factor"))}};
  }

  // Llama-3.1 files carry the frequency divisors themselves. They are recognised, never guessed.
  Json llama31_scaling(const Json& config) const {
    const GgufTensor& tensor = file_.tensor("rope_freqs.weight");
    const auto half = static_cast<std::size_t>(config.at("head_dim").get<std::int64_t>() / 2);
    check(tensor.type == GgmlType::F32 && tensor.shape == std::vector<std::uint64_t>{half},
          file_.path().string() + ": rope_freqs.weight: expected F32 of head_dim / 2 values");
    std::vector<float> divisors(half);
    dequantise(tensor.type, tensor.data, divisors);
    const std::vector<float> base = parse_config(config).ropes.front().inverse_frequencies;
    for (const double factor : {8.0, 32.0}) {  // 3.1; 3.2
      Json scaled = config;
      scaled["rope_scaling"] = {{"rope_type", "llama3"},
                                {"factor", factor},
                                {"low_freq_factor", 1.0},
                                {"high_freq_factor", 4.0},
                                {"original_max_position_embeddings", 8192}};
      const std::vector<float> expected = parse_config(scaled).ropes.front().inverse_frequencies;
      bool equal = true;
      for (std::size_t i = 0; i < half; ++i)
        equal = equal && std::abs(base[i] / divisors[i] / expected[i] - 1) < 1e-4;
      if (equal) return scaled["rope_scaling"];
    }
    fail(file_.path().string() +
         ": rope_freqs.weight is not Llama-3.1's or 3.2's scaling; no other is supported");
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

  GgufFile file_;
  Architecture architecture_;
  DecoderConfig config_;
};

}  // namespace

std::unique_ptr<Source> open_gguf_source(const std::filesystem::path& file) {
  return std::make_unique<GgufSource>(file);
}

}  // namespace tradeoff::model
