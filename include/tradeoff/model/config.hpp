#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/model/switches.hpp"

namespace tradeoff::model {

/// One rotation of queries and keys.
struct Rope {
  std::vector<float> inverse_frequencies;  // [rotary / 2]
  // Cosines and sines are multiplied by it (yarn, longrope).
  double attention_factor = 1;
  // Positions from this one on need other frequencies, which are not computed; 0: no bound.
  std::int64_t max_positions = 0;
};

/// RMSNorm of queries and keys: of each head before or after the rotation, or of all heads
/// together before it.
enum class QkNorm { none, heads, all_heads, heads_after_rope };

/// What one layer has of its own.
struct LayerShape {
  // The query at position p sees keys at positions above p - window; 0: all.
  std::int64_t window = 0;
  // Index into DecoderConfig::ropes; -1: no rotation.
  int rope = 0;
};

/// Names on disk, without "model.layers.N." and ".weight"; empty: there is no such norm.
struct NormNames {
  std::string before_attention = "input_layernorm", before_mlp = "post_attention_layernorm";
  std::string after_attention, after_mlp;
  std::string q = "self_attn.q_norm", k = "self_attn.k_norm";
};

/// A decoder as its config.json describes it: numbers under transformers' names, and the switches
/// in which families differ (families.cpp). One block computes them all (block.hpp).
struct DecoderConfig {
  std::string model_type;
  std::int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;
  std::int64_t num_hidden_layers = 0, num_attention_heads = 0, num_key_value_heads = 0,
               head_dim = 0;
  std::int64_t max_position_embeddings = 2048;
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = false;

  NormNames norms;
  QkNorm qk_norm = QkNorm::none;
  bool norm_adds_one = false;  // a norm's weight is 1 + w
  bool qkv_bias = false, o_bias = false, mlp_bias = false;
  bool fused_tensors = false;  // qkv_proj and gate_up_proj on disk
  Activation activation = Activation::silu;
  std::int64_t rotary_dim = 0;
  bool rope_neighbours = false;
  std::vector<Rope> ropes;
  std::vector<LayerShape> layers;
  double embedding_scale = 1, residual_scale = 1, logit_scale = 1;
  double attention_scale = 1, attention_cap = 0, logit_cap = 0;

  // config.json as it was read.
  Json json;

  std::int64_t query_width() const { return num_attention_heads * head_dim; }
  std::int64_t kv_width() const { return num_key_value_heads * head_dim; }
  RopeShape rope_shape() const {
    return {num_attention_heads, num_key_value_heads, head_dim, rotary_dim, rope_neighbours};
  }
  ScoreRule score_rule(std::int64_t layer) const {
    return {attention_scale, layers[static_cast<std::size_t>(layer)].window, attention_cap};
  }
};

/// Reads config.json of transformers 4 or 5. A family, a key or a value that this engine does not
/// know is an Error naming the file, the key, what was found and what is supported.
DecoderConfig read_config(const std::filesystem::path& config_json);
DecoderConfig parse_config(const Json& json);
/// config.json as transformers reads it, not quantised. `dtype` is "bfloat16" or "float32".
Json to_json(const DecoderConfig& config, const std::string& dtype);

/// Token ids that end an answer: generation_config.json's eos_token_id (a number or a list), else
/// config.json's. Throws Error naming the file where one is not in the vocabulary.
std::vector<std::int32_t> read_eos_ids(const std::filesystem::path& model_folder,
                                       std::int64_t vocab_size);

}  // namespace tradeoff::model
