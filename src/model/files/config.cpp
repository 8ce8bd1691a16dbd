#include "tradeoff/model/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "rope.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/model/families.hpp"

namespace tradeoff::model {
namespace {

// No family comes near; a rotation's table is as long before any tensor was looked at.
constexpr std::int64_t kMostHeadDim = 65536;
constexpr const char *kFull = "full_attention", *kSliding = "sliding_attention";

void require(const Json& json, std::string_view key, bool ok, std::string_view supported) {
  if (ok) return;
  const auto found = json.find(key);
  fail(fmt::format("key \"{}\": found {}, expected {}", key,
                   found == json.end() ? "nothing" : to_line(*found), supported));
}

std::int64_t positive_or(const Json& json, std::string_view key, std::int64_t fallback) {
  const auto value = field_or<std::int64_t>(json, key, fallback);
  require(json, key, value > 0 && value < (std::int64_t{1} << 31), "a positive integer");
  return value;
}
std::int64_t positive(const Json& json, std::string_view key) {
  return positive_or(json, key, 0);
}

double factor_or(const Json& json, std::string_view key, double fallback) {
  const auto value = field_or<double>(json, key, fallback);
  require(json, key, std::isfinite(value) && value > 0, "a number above 0");
  return value;
}

bool flag(const Json& json, const Flag& flag) {
  return flag.key.empty() ? flag.fallback : field_or<bool>(json, flag.key, flag.fallback);
}

// Keys that say nothing about what is computed here.
const std::set<std::string>& harmless_keys() {
  static const std::set<std::string> keys = {"architectures",
                                             "torch_dtype",
                                             "dtype",
                                             "transformers_version",
                                             "use_cache",
                                             "bos_token_id",
                                             "eos_token_id",
                                             "pad_token_id",
                                             "eod_token_id",
                                             "sep_token_id",
                                             "initializer_range",
                                             "attention_dropout",
                                             "residual_dropout",
                                             "resid_pdrop",
                                             "embd_pdrop",
                                             "_name_or_path",
                                             "name_or_path",
                                             "auto_map",
                                             "cache_implementation",
                                             "quantization_config",
                                             "model_type",
                                             "_attn_implementation",
                                             "_attn_implementation_autoset",
                                             "unsloth_fixed",
                                             "unsloth_version",
                                             "task_specific_params",
                                             "id2label",
                                             "label2id",
                                             "problem_type",
                                             "finetuning_task",
                                             "return_dict",
                                             "output_attentions",
                                             "output_hidden_states",
                                             "torchscript",
                                             "pruned_heads",
                                             "use_bfloat16",
                                             "chunk_size_feed_forward",
                                             "tokenizer_class",
                                             "prefix",
                                             "max_length",
                                             "min_length",
                                             "do_sample",
                                             "temperature",
                                             "top_k",
                                             "top_p",
                                             "typical_p",
                                             "num_beams",
                                             "num_beam_groups",
                                             "num_return_sequences",
                                             "diversity_penalty",
                                             "early_stopping",
                                             "length_penalty",
                                             "repetition_penalty",
                                             "no_repeat_ngram_size",
                                             "bad_words_ids",
                                             "encoder_no_repeat_ngram_size",
                                             "begin_suppress_tokens",
                                             "suppress_tokens",
                                             "forced_bos_token_id",
                                             "forced_eos_token_id",
                                             "exponential_decay_length_penalty",
                                             "remove_invalid_values",
                                             "return_dict_in_generate",
                                             "output_scores",
                                             "decoder_start_token_id",
                                             "is_decoder",
                                             "is_encoder_decoder",
                                             "add_cross_attention",
                                             "cross_attention_hidden_size",
                                             "tie_encoder_decoder",
                                             "tf_legacy_loss",
                                             "transformers.js_config",
                                             "transformers_js_config",
                                             "vocab_size",
                                             "hidden_size",
                                             "intermediate_size",
                                             "num_hidden_layers",
                                             "num_attention_heads",
                                             "num_key_value_heads",
                                             "head_dim",
                                             "max_position_embeddings",
                                             "rms_norm_eps",
                                             "tie_word_embeddings",
                                             "rope_theta",
                                             "rope_scaling",
                                             "rope_parameters",
                                             "hidden_act",
                                             "hidden_activation",
                                             "sliding_window",
                                             "layer_types",
                                             "use_sliding_window",
                                             "max_window_layers",
                                             "rope_interleaved",
                                             "is_llama_config",
                                             "pretraining_tp"};
  return keys;
}

// Keys that are read, by family, besides the sizes.
bool reads(const Family& family, std::string_view key) {
  for (const Flag& each : {family.qkv_bias, family.o_bias, family.mlp_bias}) {
    if (!each.key.empty() && each.key == key) return true;
  }
  const auto among = [&](std::initializer_list<std::string_view> keys) {
    return std::ranges::find(keys, key) != keys.end();
  };
  return (family.partial_rotary &&
          among({"partial_rotary_factor", "original_max_position_embeddings"})) ||
         (family.rotation == Rotation::listed &&
          among({"no_rope_layers", "no_rope_layer_interval"})) ||
         (family.rotation == Rotation::by_layer_type && key == "rope_local_base_freq") ||
         (family.full_every > 0 && among({"sliding_window_pattern", "_sliding_window_pattern"})) ||
         (family.query_scalar &&
          among({"query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping"})) ||
         (family.multipliers && among({"embedding_multiplier", "residual_multiplier",
                                       "attention_multiplier", "logits_scaling"}));
}

// What must be off where a file names it, whatever the family.
void check_keys(const Json& json, const Family& family) {
  for (const auto& [key, value] : json.items()) {
    const bool off = value.is_null() || (value.is_boolean() && !value.get<bool>());
    if (off || harmless_keys().contains(key) || reads(family, key)) continue;
    fail(fmt::format("key \"{}\": found {}; model_type \"{}\" is not known to have it", key,
                     to_line(value), family.model_type));
  }
  require(json, "pretraining_tp", field_or<std::int64_t>(json, "pretraining_tp", 1) == 1, "1");
  require(json, "rope_interleaved", !field_or<bool>(json, "rope_interleaved", false), "false");
  const bool silu = family.activation == Activation::silu;
  const char* const key = json.contains("hidden_activation") ? "hidden_activation" : "hidden_act";
  const char* const wanted = silu ? "silu" : "gelu_pytorch_tanh";
  require(json, key, field_or<std::string>(json, key, wanted) == wanted,
          fmt::format("\"{}\"", wanted));
}

void read_sizes(const Json& json, const Family& family, DecoderConfig& config) {
  config.vocab_size = positive(json, "vocab_size");
  config.hidden_size = positive(json, "hidden_size");
  config.intermediate_size = positive(json, "intermediate_size");
  config.num_hidden_layers = positive(json, "num_hidden_layers");
  require(json, "num_hidden_layers", config.num_hidden_layers <= 65536, "at most 65536");
  config.num_attention_heads = positive(json, "num_attention_heads");
  config.num_key_value_heads = positive_or(json, "num_key_value_heads", config.num_attention_heads);
  require(json, "num_key_value_heads", config.num_attention_heads % config.num_key_value_heads == 0,
          fmt::format("a divisor of num_attention_heads ({})", config.num_attention_heads));
  const std::int64_t even = config.hidden_size / config.num_attention_heads;
  config.head_dim = positive_or(
      json, "head_dim", family.head_dim ? family.head_dim : std::max<std::int64_t>(even, 1));
  require(json, "head_dim", config.head_dim % 2 == 0 && config.head_dim <= kMostHeadDim,
          fmt::format("a positive even integer, at most {}", kMostHeadDim));
  config.max_position_embeddings =
      positive_or(json, "max_position_embeddings", family.max_position_embeddings);
  config.rms_norm_eps = field_or<double>(json, "rms_norm_eps", family.rms_norm_eps);
  require(json, "rms_norm_eps", std::isfinite(config.rms_norm_eps) && config.rms_norm_eps >= 0,
          "a number of at least 0");
  config.tie_word_embeddings =
      field_or<bool>(json, "tie_word_embeddings", family.tie_word_embeddings);
}

// The window of the layers that have one; 0: none.
std::int64_t window_of(const Json& json, const Family& family) {
  if (family.windows == Windows::none) return 0;
  const auto found = json.find("sliding_window");
  if (found != json.end() && found->is_null()) return 0;
  const bool asks = family.windows == Windows::last_layers || family.rotation == Rotation::listed;
  if (asks && !field_or<bool>(json, "use_sliding_window", false)) return 0;
  if (found == json.end()) return family.sliding_window;
  return positive(json, "sliding_window");
}

std::vector<bool> sliding_layers(const Json& json, const Family& family,
                                 const DecoderConfig& config) {
  const std::int64_t layers = config.num_hidden_layers;
  std::vector<bool> sliding(static_cast<std::size_t>(layers), false);
  const auto types = json.find("layer_types");
  const bool named = types != json.end() && !types->is_null();
  if (named && family.windows != Windows::none && family.windows != Windows::all_layers) {
    const auto names = field<std::vector<std::string>>(json, "layer_types");
    require(json, "layer_types", static_cast<std::int64_t>(names.size()) == layers,
            fmt::format("{} names", layers));
    for (std::size_t i = 0; i < names.size(); ++i) {
      require(json, "layer_types", names[i] == kFull || names[i] == kSliding,
              "full_attention and sliding_attention");
      sliding[i] = names[i] == kSliding;
    }
    return sliding;
  }
  require(json, "layer_types", !named, "nothing for this model_type");
  const std::int64_t every = [&]() -> std::int64_t {
    for (const char* key : {"sliding_window_pattern", "_sliding_window_pattern"}) {
      const auto found = json.find(key);
      if (family.full_every > 0 && found != json.end() && !found->is_null())
        return positive(json, key);
    }
    return family.full_every;
  }();
  const auto first = field_or<std::int64_t>(json, "max_window_layers", 28);
  for (std::int64_t i = 0; i < layers; ++i) {
    sliding[static_cast<std::size_t>(i)] =
        family.windows == Windows::all_layers ||
        (family.windows == Windows::last_layers && i >= first) ||
        (family.windows == Windows::by_layer_type && every > 0 && (i + 1) % every != 0);
  }
  return sliding;
}

// transformers 5 keeps a rotation's parameters under rope_parameters, by layer type where they
// differ; 4 has rope_theta and rope_scaling, the latter of full layers.
Json rope_parameters(const Json& json, const Family& family, bool sliding) {
  Json parameters = Json::object();
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) continue;
    require(json, key, found->is_object(), "an object");
    const char* const type = sliding ? kSliding : kFull;
    if (found->contains(kFull) || found->contains(kSliding)) {
      const auto own = found->find(type);
      if (own != found->end() && own->is_object()) parameters.update(*own);
    } else if (!sliding || family.rotation != Rotation::by_layer_type) {
      parameters.update(*found);
    }
  }
  if (!parameters.contains("rope_theta")) {
    const bool local = sliding && family.rotation == Rotation::by_layer_type;
    const bool old_local = local && family.norm_adds_one;
    parameters["rope_theta"] =
        old_local ? field_or<double>(json, "rope_local_base_freq", family.local_rope_theta)
                  : field_or<double>(json, "rope_theta",
                                     local ? family.local_rope_theta : family.rope_theta);
  }
  if (family.partial_rotary) {
    for (const char* key : {"partial_rotary_factor", "original_max_position_embeddings"}) {
      if (!parameters.contains(key) && json.contains(key)) parameters[key] = json.at(key);
    }
  }
  return parameters;
}

void read_layers(const Json& json, const Family& family, DecoderConfig& config) {
  const Json full = rope_parameters(json, family, false);
  const double part =
      family.partial_rotary ? field_or<double>(full, "partial_rotary_factor", 1) : 1;
  require(full, "partial_rotary_factor", part > 0 && part <= 1, "a number above 0, at most 1");
  require(full, "partial_rotary_factor",
          family.partial_rotary || field_or<double>(full, "partial_rotary_factor", 1) == 1, "1");
  config.rotary_dim = static_cast<std::int64_t>(static_cast<double>(config.head_dim) * part);
  require(full, "partial_rotary_factor", config.rotary_dim > 0 && config.rotary_dim % 2 == 0,
          "an even number of columns that turn");
  config.rope_neighbours = family.rope_neighbours;
  config.ropes = {make_rope(full, config.rotary_dim, config.max_position_embeddings)};
  if (family.rotation == Rotation::by_layer_type) {
    config.ropes.push_back(make_rope(rope_parameters(json, family, true), config.rotary_dim,
                                     config.max_position_embeddings));
  }
  const std::int64_t window = window_of(json, family);
  const std::vector<bool> sliding = sliding_layers(json, family, config);
  const auto listed = field_or<std::vector<int>>(json, "no_rope_layers", {});
  const std::int64_t interval =
      family.rotation == Rotation::listed ? positive_or(json, "no_rope_layer_interval", 4) : 1;
  require(json, "no_rope_layers",
          family.rotation != Rotation::listed || listed.empty() ||
              static_cast<std::int64_t>(listed.size()) >= config.num_hidden_layers,
          "a number for each layer");
  for (std::size_t i = 0; i < sliding.size(); ++i) {
    LayerShape layer;
    layer.window = sliding[i] ? window : 0;
    const bool turns =
        listed.empty() ? (static_cast<std::int64_t>(i) + 1) % interval != 0 : listed[i] != 0;
    if (family.rotation == Rotation::by_layer_type) layer.rope = sliding[i] ? 1 : 0;
    if (family.rotation == Rotation::sliding_only && window > 0 && !sliding[i]) layer.rope = -1;
    if (family.rotation == Rotation::listed && !turns) layer.rope = -1;
    config.layers.push_back(layer);
  }
}

void read_scalars(const Json& json, const Family& family, DecoderConfig& config) {
  config.attention_scale = 1 / std::sqrt(static_cast<double>(config.head_dim));
  if (family.query_scalar) {
    config.attention_scale = 1 / std::sqrt(factor_or(json, "query_pre_attn_scalar", 256));
    const auto cap = [&](const char* key, double fallback) {
      const auto found = json.find(key);
      if (found != json.end() && found->is_null()) return 0.0;
      return found == json.end() ? fallback : factor_or(json, key, 1);
    };
    config.attention_cap = cap("attn_logit_softcapping", family.attention_cap);
    config.logit_cap = cap("final_logit_softcapping", family.logit_cap);
  }
  if (family.scaled_embedding)
    config.embedding_scale = std::sqrt(static_cast<double>(config.hidden_size));
  if (family.multipliers) {
    config.embedding_scale = factor_or(json, "embedding_multiplier", 1);
    config.residual_scale = factor_or(json, "residual_multiplier", 1);
    config.attention_scale = factor_or(json, "attention_multiplier", 1);
    config.logit_scale = 1 / factor_or(json, "logits_scaling", 1);
  }
}

}  // namespace

DecoderConfig parse_config(const Json& json) {
  check(json.is_object(), "found " + to_line(json) + ", expected an object");
  const Family& family = family_of(field_or<std::string>(json, "model_type", ""));
  check_keys(json, family);
  DecoderConfig config;
  config.model_type = family.model_type;
  config.json = json;
  config.norms = family.norms;
  config.qk_norm = family.qk_norm;
  config.norm_adds_one = family.norm_adds_one;
  config.qkv_bias = flag(json, family.qkv_bias);
  config.o_bias = flag(json, family.o_bias);
  config.mlp_bias = flag(json, family.mlp_bias);
  config.fused_tensors = family.fused_tensors;
  config.activation = family.activation;
  read_sizes(json, family, config);
  read_layers(json, family, config);
  read_scalars(json, family, config);
  return config;
}

DecoderConfig read_config(const std::filesystem::path& config_json) {
  try {
    return parse_config(read_json(config_json));
  } catch (const Error& error) {
    const std::string what = error.what();
    fail(what.find(config_json.string()) != std::string::npos ? what
                                                              : config_json.string() + ": " + what);
  }
}

Json to_json(const DecoderConfig& config, const std::string& dtype) {
  Json json = config.json;
  json.erase("quantization_config");
  json.erase("dtype");
  json["torch_dtype"] = dtype;
  return json;
}

}  // namespace tradeoff::model
