#include "tradeoff/model/config.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "tradeoff/base/error.hpp"

namespace tradeoff::model {
namespace {

void require(const Json& json, std::string_view key, bool ok, std::string_view supported) {
  if (ok) return;
  const auto found = json.find(key);
  fail(fmt::format("key \"{}\": found {}, expected {}", key,
                   found == json.end() ? "nothing" : to_line(*found), supported));
}

std::int64_t positive(const Json& json, std::string_view key) {
  const auto value = field<std::int64_t>(json, key);
  require(json, key, value > 0 && value < (std::int64_t{1} << 31), "a positive integer");
  return value;
}

// transformers 5 keeps theta and type under rope_parameters; 4 has rope_theta and rope_scaling.
void read_rope(const Json& json, LlamaConfig& config) {
  config.rope_theta = field_or<double>(json, "rope_theta", config.rope_theta);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) continue;
    require(json, key, found->is_object(), "an object");
    config.rope_theta = field_or<double>(*found, "rope_theta", config.rope_theta);
    const auto type = field_or<std::string>(*found, "rope_type",
                                            field_or<std::string>(*found, "type", "default"));
    if (type == "default") continue;
    require(json, key, type == "llama3", "rope_type \"default\" or \"llama3\"");
    config.rope_scaling =
        RopeScaling{field<double>(*found, "factor"), field<double>(*found, "low_freq_factor"),
                    field<double>(*found, "high_freq_factor"),
                    field<std::int64_t>(*found, "original_max_position_embeddings")};
    const RopeScaling& s = *config.rope_scaling;
    require(json, key,
            s.factor >= 1 && s.high_freq_factor > s.low_freq_factor &&
                s.original_max_position_embeddings > 0,
            "factor >= 1, high_freq_factor > low_freq_factor and a positive "
            "original_max_position_embeddings");
  }
  require(json, "rope_theta", config.rope_theta > 0, "a positive number");
}

std::vector<std::int32_t> ids_of(const Json& json, std::string_view key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return {};
  if (found->is_number_integer()) return {found->get<std::int32_t>()};
  return field<std::vector<std::int32_t>>(json, key);
}

}  // namespace

LlamaConfig parse_config(const Json& json) {
  require(json, "model_type", field_or<std::string>(json, "model_type", "") == "llama",
          "\"llama\"");
  require(json, "hidden_act", field_or<std::string>(json, "hidden_act", "silu") == "silu",
          "\"silu\"");
  for (const char* bias : {"attention_bias", "mlp_bias"}) {
    require(json, bias, !field_or<bool>(json, bias, false), "false (biases are not supported)");
  }
  LlamaConfig config;
  config.vocab_size = positive(json, "vocab_size");
  config.hidden_size = positive(json, "hidden_size");
  config.intermediate_size = positive(json, "intermediate_size");
  config.num_hidden_layers = positive(json, "num_hidden_layers");
  config.num_attention_heads = positive(json, "num_attention_heads");
  config.num_key_value_heads =
      field_or<std::int64_t>(json, "num_key_value_heads", config.num_attention_heads);
  require(json, "num_key_value_heads",
          config.num_key_value_heads > 0 &&
              config.num_attention_heads % config.num_key_value_heads == 0,
          fmt::format("a divisor of num_attention_heads ({})", config.num_attention_heads));
  config.head_dim =
      field_or<std::int64_t>(json, "head_dim", config.hidden_size / config.num_attention_heads);
  require(json, "head_dim", config.head_dim > 0 && config.head_dim % 2 == 0,
          "a positive even integer");
  config.max_position_embeddings = field_or<std::int64_t>(json, "max_position_embeddings", 2048);
  require(json, "max_position_embeddings", config.max_position_embeddings > 0,
          "a positive integer");
  config.rms_norm_eps = field_or<double>(json, "rms_norm_eps", 1e-6);
  config.tie_word_embeddings = field_or<bool>(json, "tie_word_embeddings", false);
  read_rope(json, config);
  return config;
}

LlamaConfig read_config(const std::filesystem::path& config_json) {
  try {
    return parse_config(read_json(config_json));
  } catch (const Error& error) {
    const std::string what = error.what();
    fail(what.find(config_json.string()) != std::string::npos ? what
                                                              : config_json.string() + ": " + what);
  }
}

Json to_json(const LlamaConfig& config, const std::string& dtype) {
  Json json = {{"architectures", {"LlamaForCausalLM"}},
               {"model_type", "llama"},
               {"hidden_act", "silu"},
               {"vocab_size", config.vocab_size},
               {"hidden_size", config.hidden_size},
               {"intermediate_size", config.intermediate_size},
               {"num_hidden_layers", config.num_hidden_layers},
               {"num_attention_heads", config.num_attention_heads},
               {"num_key_value_heads", config.num_key_value_heads},
               {"head_dim", config.head_dim},
               {"max_position_embeddings", config.max_position_embeddings},
               {"rms_norm_eps", config.rms_norm_eps},
               {"rope_theta", config.rope_theta},
               {"attention_bias", false},
               {"mlp_bias", false},
               {"tie_word_embeddings", config.tie_word_embeddings},
               {"torch_dtype", dtype}};
  if (const auto& s = config.rope_scaling) {
    json["rope_scaling"] = {
        {"rope_type", "llama3"},
        {"factor", s->factor},
        {"low_freq_factor", s->low_freq_factor},
        {"high_freq_factor", s->high_freq_factor},
        {"original_max_position_embeddings", s->original_max_position_embeddings}};
  }
  return json;
}

std::vector<std::int32_t> read_eos_ids(const std::filesystem::path& model_folder) {
  for (const char* name : {"generation_config.json", "config.json"}) {
    const auto path = model_folder / name;
    if (!std::filesystem::exists(path)) continue;
    try {
      auto ids = ids_of(read_json(path), "eos_token_id");
      if (!ids.empty()) return ids;
    } catch (const Error& error) {
      fail(path.string() + ": " + error.what());
    }
  }
  fail(model_folder.string() +
       ": neither generation_config.json nor config.json names an eos_token_id");
}

std::vector<float> inverse_frequencies(const LlamaConfig& config) {
  std::vector<float> frequencies;
  for (std::int64_t i = 0; i < config.head_dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(config.head_dim);
    frequencies.push_back(1.0f / std::pow(static_cast<float>(config.rope_theta), exponent));
  }
  if (!config.rope_scaling) return frequencies;
  const RopeScaling& s = *config.rope_scaling;
  const double length = static_cast<double>(s.original_max_position_embeddings);
  for (float& frequency : frequencies) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < length / s.high_freq_factor) continue;
    if (wavelength > length / s.low_freq_factor) {
      frequency = static_cast<float>(frequency / s.factor);
    } else {
      const double smooth =
          (length / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
      frequency = static_cast<float>((1 - smooth) * frequency / s.factor + smooth * frequency);
    }
  }
  return frequencies;
}

}  // namespace tradeoff::model
