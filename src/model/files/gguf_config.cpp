#include "gguf_config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tradeoff/base/error.hpp"
#include "tradeoff/model/config.hpp"
#include "tradeoff/model/families.hpp"
#include "tradeoff/model/ggml_blocks.hpp"

namespace tradeoff::model {
namespace {

// Which rows are permuted: the converters that follow Llama's, whose rotation llama.cpp computes on
// neighbouring pairs.
constexpr GgufArchitecture kArchitectures[] = {{"llama", "llama", true},
                                               {"qwen2", "qwen2"},
                                               {"qwen3", "qwen3"},
                                               {"smollm3", "smollm3", true},
                                               {"phi3", "phi3"},
                                               {"gemma2", "gemma2", false, true},
                                               {"gemma3", "gemma3_text", false, true},
                                               {"olmo2", "olmo2"},
                                               {"granite", "granite", true}};

// Models of these depths scale queries by the hidden width of a head (Gemma 2 and 3 27B).
constexpr std::int64_t kGemma2Deep = 46, kGemma3Deep = 62;

class ConfigReader {
 public:
  explicit ConfigReader(const GgufParts& parts)
      : parts_(parts),
        file_(parts.head()),
        architecture_(gguf_architecture(file_)),
        family_(family_of(architecture_.model_type)) {}

  Json read() {
    Json json = common_keys();
    add_own_keys(json);
    add_windows(json);
    add_rope_scaling(json);
    refuse_other_keys();
    return json;
  }

 private:
  // The key's whole name, noted as read.
  std::string key(std::string_view name) {
    std::string whole = std::string(architecture_.name) + "." + std::string(name);
    read_.insert(whole);
    return whole;
  }
  bool has(std::string_view name) { return file_.has(key(name)); }
  std::int64_t size(std::string_view name) {
    return static_cast<std::int64_t>(file_.uint_value(key(name)));
  }
  std::int64_t size_or(std::string_view name, std::int64_t fallback) {
    return has(name) ? size(name) : fallback;
  }
  // The file holds float32; a person wrote 1e-05.
  double real(std::string_view name) {
    return std::stod(fmt::format("{:.7g}", file_.real_value(key(name))));
  }
  void expect(std::string_view name, bool ok, const Json& found, const std::string& expected) {
    check(ok, fmt::format("{}: key \"{}\": found {}, expected {}", file_.path().string(), key(name),
                          to_line(found), expected));
  }

  Json common_keys() {
    hidden_ = size("embedding_length");
    heads_ = size("attention.head_count");
    layers_ = size("block_count");
    expect("attention.head_count", heads_ > 0, heads_, "at least 1");
    head_dim_ = size_or("attention.key_length", hidden_ / heads_);
    const std::int64_t value_length = size_or("attention.value_length", head_dim_);
    expect("attention.value_length", value_length == head_dim_, value_length,
           fmt::format("{}, as of keys", head_dim_));
    const std::int64_t rows = size_or("vocab_size", vocabulary_rows());
    expect("vocab_size", rows == vocabulary_rows(), rows,
           fmt::format("{}, the rows of token_embd.weight", vocabulary_rows()));
    for (const char* name : {"expert_count", "pooling_type"})
      expect(name, size_or(name, 0) == 0, size_or(name, 0), "0");
    if (has("attention.causal"))
      expect("attention.causal", file_.bool_value(key("attention.causal")), false, "true");
    const bool silu = family_.activation == Activation::silu;
    return {{"architectures", {std::string(family_.architecture)}},
            {"model_type", std::string(architecture_.model_type)},
            {silu ? "hidden_act" : "hidden_activation", silu ? "silu" : "gelu_pytorch_tanh"},
            {"vocab_size", vocabulary_rows()},
            {"hidden_size", hidden_},
            {"intermediate_size", size("feed_forward_length")},
            {"num_hidden_layers", layers_},
            {"num_attention_heads", heads_},
            {"num_key_value_heads", size_or("attention.head_count_kv", heads_)},
            {"head_dim", head_dim_},
            {"max_position_embeddings", size("context_length")},
            {"rms_norm_eps", real("attention.layer_norm_rms_epsilon")},
            {"tie_word_embeddings", !parts_.has_tensor("output.weight")},
            {"rope_theta", has("rope.freq_base") ? real("rope.freq_base") : 10000.0}};
  }

  std::int64_t vocabulary_rows() const {
    return static_cast<std::int64_t>(parts_.tensor("token_embd.weight").shape.back());
  }

  void add_own_keys(Json& json) {
    if (family_.model_type == "llama") {
      json["attention_bias"] = parts_.has_tensor("blk.0.attn_q.bias");
      json["mlp_bias"] = parts_.has_tensor("blk.0.ffn_up.bias");
    }
    if (family_.query_scalar) {
      const std::int64_t deep = family_.logit_cap > 0 ? kGemma2Deep : kGemma3Deep;
      json["query_pre_attn_scalar"] = layers_ == deep ? hidden_ / heads_ : head_dim_;
    }
    if (family_.logit_cap > 0) {
      json["attn_logit_softcapping"] = real("attn_logit_softcapping");
      json["final_logit_softcapping"] = real("final_logit_softcapping");
    }
    if (family_.multipliers) {
      const auto add = [&](const char* ours, const char* theirs) {
        if (has(theirs)) json[ours] = real(theirs);
      };
      add("embedding_multiplier", "embedding_scale");
      add("residual_multiplier", "residual_scale");
      add("attention_multiplier", "attention.scale");
      add("logits_scaling", "logit_scale");
    }
    const std::int64_t turning = size_or("rope.dimension_count", head_dim_);
    expect("rope.dimension_count", family_.partial_rotary || turning == head_dim_, turning,
           fmt::format("{}, the width of a head", head_dim_));
    if (family_.partial_rotary)
      json["partial_rotary_factor"] = static_cast<double>(turning) / static_cast<double>(head_dim_);
  }

  void add_windows(Json& json) {
    if (family_.windows == Windows::none || family_.windows == Windows::last_layers) return;
    // 0 says that there is none.
    if (has("attention.sliding_window")) {
      const std::int64_t window = size("attention.sliding_window");
      json["sliding_window"] = window == 0 ? Json() : Json(window);
    }
    const std::int64_t every = size_or("attention.sliding_window_pattern", family_.full_every);
    expect("attention.sliding_window_pattern", every == family_.full_every, every,
           std::to_string(family_.full_every));
    if (family_.norm_adds_one && has("rope.freq_base_swa"))
      json["rope_local_base_freq"] = real("rope.freq_base_swa");
  }

  void add_rope_scaling(Json& json) {
    const std::string type =
        has("rope.scaling.type") ? file_.string_value(key("rope.scaling.type")) : "none";
    // What a model was trained with, where nothing is scaled.
    for (const char* name : {"rope.scaling.finetuned", "rope.scaling.original_context_length"})
      key(name);
    if (parts_.has_tensor("rope_freqs.weight")) {
      expect("rope.scaling.type", type == "none", type, "none beside the tensor rope_freqs.weight");
      json["rope_scaling"] = llama31_scaling(json);
    } else if (parts_.has_tensor("rope_factors_short.weight")) {
      expect("rope.scaling.type", type == "none" || type == "longrope", type,
             "longrope beside the tensors rope_factors_short and _long");
      json["rope_scaling"] = longrope(json);
    } else if (type == "linear") {
      json["rope_scaling"] = {{"rope_type", "linear"}, {"factor", real("rope.scaling.factor")}};
    } else {
      check(type == "none",
            fmt::format("{}: key \"{}\": found \"{}\", expected none, linear, or the tensors "
                        "rope_freqs (Llama 3.1) or rope_factors_short and _long (Phi 3)",
                        file_.path().string(), key("rope.scaling.type"), type));
    }
  }

  std::vector<float> floats_of(const char* name, std::int64_t count) const {
    const GgufTensor& tensor = parts_.tensor(name);
    check(tensor.type == GgmlType::F32 &&
              tensor.shape == std::vector<std::uint64_t>{static_cast<std::uint64_t>(count)},
          fmt::format("{}: tensor {}: expected F32 of {} values", file_.path().string(), name,
                      count));
    std::vector<float> values(static_cast<std::size_t>(count));
    dequantise(tensor.type, tensor.data, values);
    return values;
  }

  // Phi 3's: factors as tensors; transformers derives the attention's factor from the two lengths.
  Json longrope(Json& json) {
    const std::int64_t half = size_or("rope.dimension_count", head_dim_) / 2;
    const std::int64_t original = size("rope.scaling.original_context_length");
    json["original_max_position_embeddings"] = original;
    Json scaling = {{"rope_type", "longrope"},
                    {"short_factor", floats_of("rope_factors_short.weight", half)},
                    {"long_factor", floats_of("rope_factors_long.weight", half)}};
    if (has("rope.scaling.attn_factor"))
      scaling["attention_factor"] = real("rope.scaling.attn_factor");
    return scaling;
  }

  // Llama-3.1 files carry the frequency divisors themselves. They are recognised, never guessed.
  Json llama31_scaling(const Json& config) const {
    const std::int64_t half = head_dim_ / 2;
    const std::vector<float> divisors = floats_of("rope_freqs.weight", half);
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
      for (std::size_t i = 0; i < divisors.size(); ++i)
        equal = equal && std::abs(base[i] / divisors[i] / expected[i] - 1) < 1e-4;
      if (equal) return scaled["rope_scaling"];
    }
    fail(file_.path().string() +
         ": rope_freqs.weight is not Llama-3.1's or 3.2's scaling; no other is supported");
  }

  void refuse_other_keys() {
    key("tensor_data_layout");  // a note of older converters
    const std::string prefix = std::string(architecture_.name) + ".";
    for (const std::string& name : file_.keys()) {
      if (!name.starts_with(prefix) || read_.contains(name)) continue;
      fail(
          fmt::format("{}: key \"{}\" is not known for general.architecture \"{}\"; what it says "
                      "of the model cannot be left out",
                      file_.path().string(), name, architecture_.name));
    }
  }

  const GgufParts& parts_;
  const GgufFile& file_;
  const GgufArchitecture& architecture_;
  const Family& family_;
  std::set<std::string> read_;
  std::int64_t hidden_ = 0, heads_ = 0, layers_ = 0, head_dim_ = 0;
};

}  // namespace

const GgufArchitecture& gguf_architecture(const GgufFile& file) {
  const std::string name = file.string_value("general.architecture");
  const auto* const found = std::ranges::find(kArchitectures, name, &GgufArchitecture::name);
  if (found != std::end(kArchitectures)) return *found;
  std::vector<std::string_view> names;
  for (const GgufArchitecture& each : kArchitectures) names.push_back(each.name);
  fail(fmt::format("{}: general.architecture is \"{}\", expected one of {}", file.path().string(),
                   name, fmt::join(names, ", ")));
}

Json gguf_config(const GgufParts& file) {
  return ConfigReader(file).read();
}

}  // namespace tradeoff::model
