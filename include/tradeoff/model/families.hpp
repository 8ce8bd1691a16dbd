#pragma once
#include <string>
#include <string_view>

#include "tradeoff/model/config.hpp"

namespace tradeoff::model {

/// A key of config.json that is true or false; no key: always `fallback`.
struct Flag {
  std::string_view key;
  bool fallback = false;
};

/// Where a family keeps its sliding windows.
enum class Windows {
  none,
  all_layers,     // sliding_window, where it is not null
  last_layers,    // with use_sliding_window, from max_window_layers on
  by_layer_type,  // layer_types, or every n-th layer without one
};

/// How a family rotates.
enum class Rotation {
  one,            // all layers alike
  by_layer_type,  // sliding layers have parameters of their own
  sliding_only,   // with windows, layers without one do not rotate
  listed,         // no_rope_layers
};

/// One row of the table of families: what its config.json means.
struct Family {
  std::string_view model_type, architecture;
  NormNames norms = {};
  QkNorm qk_norm = QkNorm::none;
  bool norm_adds_one = false;
  Flag qkv_bias = {}, o_bias = {}, mlp_bias = {};
  bool fused_tensors = false;
  // hidden_act is "silu", or hidden_activation "gelu_pytorch_tanh".
  Activation activation = Activation::silu;
  bool rope_neighbours = false, partial_rotary = false;
  Windows windows = Windows::none;
  // Of Windows::by_layer_type without layer_types: every n-th layer is full.
  std::int64_t full_every = 0;
  Rotation rotation = Rotation::one;
  // What transformers takes where config.json is silent; 0 for head_dim: hidden_size / heads.
  std::int64_t head_dim = 0, max_position_embeddings = 2048, sliding_window = 0;
  double rms_norm_eps = 1e-6, rope_theta = 10000, local_rope_theta = 10000;
  bool tie_word_embeddings = false;
  // Gemma: embeddings times the root of the width, query_pre_attn_scalar, caps.
  bool scaled_embedding = false, query_scalar = false;
  double attention_cap = 0, logit_cap = 0;
  // Granite: embedding_multiplier, residual_multiplier, attention_multiplier, logits_scaling.
  bool multipliers = false;
};

/// Throws Error with the list of supported families.
const Family& family_of(std::string_view model_type);

}  // namespace tradeoff::model
