#include "tradeoff/model/families.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "tradeoff/base/error.hpp"

namespace tradeoff::model {
namespace {

const NormNames kAfterOnly = {"", "", "post_attention_layernorm", "post_feedforward_layernorm"};
const NormNames kGemma = {"input_layernorm", "pre_feedforward_layernorm",
                          "post_attention_layernorm", "post_feedforward_layernorm"};
const NormNames kHunyuan = {"input_layernorm",           "post_attention_layernorm", "", "",
                            "self_attn.query_layernorm", "self_attn.key_layernorm"};
constexpr Flag kAlways = {"", true}, kAttentionBias = {"attention_bias"}, kMlpBias = {"mlp_bias"},
               kUseBias = {"use_bias"};

// Read from transformers' configuration and modeling files (5.23); held to them by
// tests/train/families_golden.py.
const std::vector<Family>& table() {
  static const std::vector<Family> rows = {
      {.model_type = "llama",
       .architecture = "LlamaForCausalLM",
       .qkv_bias = kAttentionBias,
       .o_bias = kAttentionBias,
       .mlp_bias = kMlpBias},
      {.model_type = "qwen2",
       .architecture = "Qwen2ForCausalLM",
       .qkv_bias = kAlways,
       .windows = Windows::last_layers,
       .max_position_embeddings = 32768,
       .sliding_window = 4096},
      {.model_type = "qwen3",
       .architecture = "Qwen3ForCausalLM",
       .qk_norm = QkNorm::heads,
       .qkv_bias = kAttentionBias,
       .o_bias = kAttentionBias,
       .windows = Windows::last_layers,
       .head_dim = 128,
       .max_position_embeddings = 32768,
       .sliding_window = 4096},
      {.model_type = "mistral",
       .architecture = "MistralForCausalLM",
       .windows = Windows::all_layers,
       .max_position_embeddings = 131072,
       .sliding_window = 4096},
      {.model_type = "ministral3",
       .architecture = "Ministral3ForCausalLM",
       .windows = Windows::all_layers,
       .head_dim = 128,
       .max_position_embeddings = 262144,
       .rms_norm_eps = 1e-5},
      {.model_type = "smollm3",
       .architecture = "SmolLM3ForCausalLM",
       .qkv_bias = kAttentionBias,
       .o_bias = kAttentionBias,
       .mlp_bias = kMlpBias,
       .windows = Windows::by_layer_type,
       .rotation = Rotation::listed,
       .max_position_embeddings = 32768,
       .rope_theta = 2000000,
       .tie_word_embeddings = true},
      {.model_type = "granite",
       .architecture = "GraniteForCausalLM",
       .qkv_bias = kAttentionBias,
       .o_bias = kAttentionBias,
       .mlp_bias = kMlpBias,
       .multipliers = true},
      {.model_type = "phi3",
       .architecture = "Phi3ForCausalLM",
       .fused_tensors = true,
       .partial_rotary = true,
       .windows = Windows::all_layers,
       .max_position_embeddings = 4096,
       .rms_norm_eps = 1e-5},
      {.model_type = "olmo2",
       .architecture = "Olmo2ForCausalLM",
       .norms = kAfterOnly,
       .qk_norm = QkNorm::all_heads,
       .qkv_bias = kAttentionBias,
       .o_bias = kAttentionBias,
       .rms_norm_eps = 1e-5},
      {.model_type = "olmo3",
       .architecture = "Olmo3ForCausalLM",
       .norms = kAfterOnly,
       .qk_norm = QkNorm::all_heads,
       .qkv_bias = kAttentionBias,
       .o_bias = kAttentionBias,
       .windows = Windows::by_layer_type,
       .full_every = 4,
       .rotation = Rotation::by_layer_type,
       .sliding_window = 4096,
       .rms_norm_eps = 1e-5,
       .rope_theta = 500000,
       .local_rope_theta = 500000},
      {.model_type = "gemma2",
       .architecture = "Gemma2ForCausalLM",
       .norms = kGemma,
       .norm_adds_one = true,
       .qkv_bias = kAttentionBias,
       .o_bias = kAttentionBias,
       .activation = Activation::gelu_tanh,
       .windows = Windows::by_layer_type,
       .full_every = 2,
       .head_dim = 256,
       .max_position_embeddings = 8192,
       .sliding_window = 4096,
       .tie_word_embeddings = true,
       .scaled_embedding = true,
       .query_scalar = true,
       .attention_cap = 50,
       .logit_cap = 30},
      {.model_type = "gemma3_text",
       .architecture = "Gemma3ForCausalLM",
       .norms = kGemma,
       .qk_norm = QkNorm::heads,
       .norm_adds_one = true,
       .qkv_bias = kAttentionBias,
       .o_bias = kAttentionBias,
       .activation = Activation::gelu_tanh,
       .windows = Windows::by_layer_type,
       .full_every = 6,
       .rotation = Rotation::by_layer_type,
       .head_dim = 256,
       .max_position_embeddings = 131072,
       .sliding_window = 4096,
       .rope_theta = 1000000,
       .tie_word_embeddings = true,
       .scaled_embedding = true,
       .query_scalar = true},
      {.model_type = "seed_oss",
       .architecture = "SeedOssForCausalLM",
       .qkv_bias = {"attention_bias", true},
       .o_bias = {"attention_out_bias"},
       .mlp_bias = kMlpBias,
       .head_dim = 128,
       .max_position_embeddings = 524288},
      {.model_type = "ernie4_5",
       .architecture = "Ernie4_5ForCausalLM",
       .qkv_bias = kUseBias,
       .o_bias = kUseBias,
       .mlp_bias = kUseBias,
       .rope_neighbours = true,
       .head_dim = 128,
       .max_position_embeddings = 131072,
       .rms_norm_eps = 1e-5,
       .rope_theta = 500000,
       .tie_word_embeddings = true},
      {.model_type = "exaone4",
       .architecture = "Exaone4ForCausalLM",
       .norms = kAfterOnly,
       .qk_norm = QkNorm::heads,
       .windows = Windows::by_layer_type,
       .full_every = 4,
       .rotation = Rotation::sliding_only,
       .sliding_window = 4096,
       .rms_norm_eps = 1e-5},
      {.model_type = "hunyuan_v1_dense",
       .architecture = "HunYuanDenseV1ForCausalLM",
       .norms = kHunyuan,
       .qk_norm = QkNorm::heads_after_rope,
       .qkv_bias = kAttentionBias,
       .o_bias = kAttentionBias,
       .rms_norm_eps = 1e-5},
  };
  return rows;
}

}  // namespace

const Family& family_of(std::string_view model_type) {
  const auto found = std::ranges::find(table(), model_type, &Family::model_type);
  if (found != table().end()) return *found;
  std::vector<std::string_view> names;
  for (const Family& family : table()) names.push_back(family.model_type);
  fail(fmt::format("key \"model_type\": found {}, expected one of {}",
                   model_type.empty() ? "nothing" : fmt::format("\"{}\"", model_type),
                   fmt::join(names, ", ")));
}

}  // namespace tradeoff::model
