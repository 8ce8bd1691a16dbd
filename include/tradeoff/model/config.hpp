#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "tradeoff/base/json.hpp"

namespace tradeoff::model {

/// Llama-3.1's frequency scaling (rope_type "llama3"): long wavelengths are stretched by `factor`.
struct RopeScaling {
  double factor = 8, low_freq_factor = 1, high_freq_factor = 4;
  std::int64_t original_max_position_embeddings = 8192;
};

/// The shape of a LlamaForCausalLM, under transformers' names.
struct LlamaConfig {
  std::int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;
  std::int64_t num_hidden_layers = 0, num_attention_heads = 0, num_key_value_heads = 0,
               head_dim = 0;
  std::int64_t max_position_embeddings = 2048;
  double rms_norm_eps = 1e-6, rope_theta = 10000;
  std::optional<RopeScaling> rope_scaling;
  bool tie_word_embeddings = false;

  std::int64_t query_width() const { return num_attention_heads * head_dim; }
  std::int64_t kv_width() const { return num_key_value_heads * head_dim; }
};

/// Reads config.json of transformers 4 or 5. What this engine does not compute (biases, other rope
/// types, another architecture) is an Error naming the file, the key, what was found and what is
/// supported.
LlamaConfig read_config(const std::filesystem::path& config_json);
LlamaConfig parse_config(const Json& json);
/// config.json as transformers reads it. `dtype` is "bfloat16" or "float32".
Json to_json(const LlamaConfig& config, const std::string& dtype);

/// Token ids that end an answer: generation_config.json's eos_token_id (a number or a list), else
/// config.json's.
std::vector<std::int32_t> read_eos_ids(const std::filesystem::path& model_folder);

/// Inverse frequencies [head_dim / 2] in float32, scaled where the config says so
/// (transformers' _compute_default_rope_parameters and _compute_llama3_parameters).
std::vector<float> inverse_frequencies(const LlamaConfig& config);

}  // namespace tradeoff::model
