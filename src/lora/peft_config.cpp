#include "tradeoff/lora/peft_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "tradeoff/base/error.hpp"

namespace tradeoff::lora {
namespace {

namespace fs = std::filesystem;
constexpr const char* kPickleFile = "adapter_model.bin";
// No adapter in use comes near; a larger number is a damaged file.
constexpr std::int64_t kMostRank = 65536;
constexpr std::int64_t kMostLayers = 65536;

// Read below.
constexpr std::string_view kRead[] = {
    "peft_type",      "task_type",       "r",
    "lora_alpha",     "lora_dropout",    "bias",
    "use_rslora",     "target_modules",  "init_lora_weights",
    "rank_pattern",   "alpha_pattern",   "layers_to_transform",
    "layers_pattern", "exclude_modules",
};

// Without effect on a finished adapter: where it came from, how it was started (init_lora_weights
// is judged by itself), and companions of keys that are refused.
constexpr std::string_view kHarmless[] = {
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "peft_version",
    "inference_mode",
    "loftq_config",
    "eva_config",
    "corda_config",
    "lora_ga_config",
    "megatron_core",
    "qalora_group_size",
    "runtime_config",
    "ensure_weight_tying",
};

// They change what is computed: null or false. `empty` where PEFT takes an empty list for nothing.
struct Refused {
  std::string_view key;
  bool empty = false;
};
constexpr Refused kRefused[] = {
    {"use_dora"},
    {"lora_bias"},
    {"fan_in_fan_out"},
    {"use_qalora"},
    {"megatron_config"},
    {"alora_invocation_tokens"},
    {"velora_config"},
    {"monteclora_config"},
    {"arrow_config"},
    {"kasa_config"},
    {"use_bdlora"},
    {"modules_to_save", true},
    {"layer_replication", true},
    {"trainable_token_indices", true},
    {"target_parameters", true},
};

std::string shown(const Json& value) {
  std::string text = to_line(value);
  return text.size() > 80 ? text.substr(0, 77) + "..." : text;
}

[[noreturn]] void refuse(std::string_view key, const Json& found, std::string_view expected) {
  fail(fmt::format("{}: found {}, expected {}", key, shown(found), expected));
}

std::int64_t whole_number(std::string_view key, const Json& value, std::int64_t least,
                          std::int64_t most) {
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most) &&
                              value.get<std::uint64_t>() >= static_cast<std::uint64_t>(least)
                        : value.is_number_integer() && value.get<std::int64_t>() >= least &&
                              value.get<std::int64_t>() <= most;
  if (!fits) refuse(key, value, fmt::format("an integer from {} to {}", least, most));
  return value.get<std::int64_t>();
}

int rank_in(std::string_view key, const Json& value) {
  return static_cast<int>(whole_number(key, value, 1, kMostRank));
}

double alpha_in(std::string_view key, const Json& value) {
  const bool fits =
      value.is_number() && std::isfinite(value.get<double>()) && value.get<double>() > 0;
  if (!fits) refuse(key, value, "a number above 0");
  return value.get<double>();
}

// The value of the key; null where it is absent.
const Json& value_of(const Json& json, std::string_view key) {
  static const Json nothing;
  const auto found = json.find(key);
  return found == json.end() ? nothing : *found;
}

std::vector<std::string> names_in(std::string_view key, const Json& value) {
  std::vector<std::string> names;
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array()) refuse(key, value, "a list of names, or one string");
  for (const Json& name : value) {
    if (!name.is_string() || name.get<std::string>().empty()) refuse(key, name, "a name");
    names.push_back(name.get<std::string>());
  }
  return names;
}

ModuleNames module_names(std::string_view key, const Json& value) {
  ModuleNames names;
  if (value.is_null()) return names;
  if (value.is_string()) {
    names.expression = value.get<std::string>();
  } else {
    names.names = names_in(key, value);
  }
  return names;
}

template <typename Value, typename Read>
std::vector<std::pair<std::string, Value>> pattern_in(std::string_view key, const Json& value,
                                                      const Read& read) {
  std::vector<std::pair<std::string, Value>> entries;
  if (value.is_null()) return entries;
  if (!value.is_object()) refuse(key, value, "an object of names and numbers");
  for (const auto& [name, number] : value.items())
    entries.emplace_back(name, read(fmt::format("{}: {}", key, name), number));
  return entries;
}

void read_targets(const Json& json, ModuleRules& rules) {
  const Json& targets = value_of(json, "target_modules");
  if (targets.is_null()) refuse("target_modules", targets, "a list of names, or one string");
  rules.target_modules = module_names("target_modules", targets);
  if (rules.target_modules.empty()) refuse("target_modules", targets, "at least one name");
  std::string lower = rules.target_modules.expression;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower == "all-linear") {
    rules.target_modules.expression.clear();
    rules.target_modules.all_linear = true;
  }
  rules.exclude_modules = module_names("exclude_modules", value_of(json, "exclude_modules"));
}

void read_layers(const Json& json, ModuleRules& rules) {
  const Json& layers = value_of(json, "layers_to_transform");
  const Json& pattern = value_of(json, "layers_pattern");
  if (value_of(json, "target_modules").is_string()) {
    const char* const expected = "null, as PEFT does where target_modules is one string";
    if (!layers.is_null()) refuse("layers_to_transform", layers, expected);
    if (!pattern.is_null()) refuse("layers_pattern", pattern, expected);
    return;
  }
  if (!pattern.is_null() && pattern != "")
    rules.layers_pattern = names_in("layers_pattern", pattern);
  if (!rules.layers_pattern.empty() && layers.is_null())
    refuse("layers_pattern", pattern, "null without layers_to_transform");
  if (layers.is_array()) {
    for (const Json& layer : layers)
      rules.layers_to_transform.push_back(
          whole_number("layers_to_transform", layer, 0, kMostLayers));
  } else if (!layers.is_null()) {
    rules.layers_to_transform.push_back(
        whole_number("layers_to_transform", layers, 0, kMostLayers));
  }
}

void check_start(const Json& init) {
  if (init.is_null() || init.is_boolean()) return;
  if (init == "gaussian" || init == "orthogonal" || init == "eva") return;
  refuse("init_lora_weights", init,
         "true, false, \"gaussian\", \"orthogonal\" or \"eva\": others change the weights of the "
         "base model, which the adapter does not hold (PEFT's save_pretrained with "
         "path_initial_model_for_weight_conversion writes one that is whole)");
}

void check_keys(const Json& json) {
  for (const auto& [key, value] : json.items()) {
    if (std::ranges::find(kRead, key) != std::end(kRead)) continue;
    if (std::ranges::find(kHarmless, key) != std::end(kHarmless)) continue;
    const auto refused = std::ranges::find(kRefused, key, &Refused::key);
    if (refused == std::end(kRefused)) refuse(key, value, "no such key: it is not known here");
    const bool nothing = value.is_null() || value == false ||
                         (refused->empty && value.is_structured() && value.empty());
    if (!nothing) refuse(key, value, "null or false: LoRA with it is not computed here");
  }
}

PeftConfig parse(const Json& json) {
  check(json.is_object(), "expected an object");
  const Json& type = value_of(json, "peft_type");
  if (type != "LORA") refuse("peft_type", type, "\"LORA\"");
  check_keys(json);
  const Json& task = value_of(json, "task_type");
  if (!task.is_null() && task != "CAUSAL_LM") refuse("task_type", task, "\"CAUSAL_LM\" or null");
  const Json& bias = value_of(json, "bias");
  if (!bias.is_null() && bias != "none") refuse("bias", bias, "\"none\"");
  check_start(value_of(json, "init_lora_weights"));
  PeftConfig config;
  config.options.lora_r = rank_in("r", value_of(json, "r"));
  config.options.lora_alpha = alpha_in("lora_alpha", value_of(json, "lora_alpha"));
  config.options.lora_dropout = field_or<double>(json, "lora_dropout", 0.0);
  config.options.use_rslora = field_or<bool>(json, "use_rslora", false);
  check_options(config.options);
  read_targets(json, config.rules);
  read_layers(json, config.rules);
  config.rules.rank_pattern =
      pattern_in<int>("rank_pattern", value_of(json, "rank_pattern"), rank_in);
  config.rules.alpha_pattern =
      pattern_in<double>("alpha_pattern", value_of(json, "alpha_pattern"), alpha_in);
  return config;
}

// Runs `work`; its errors name the config of the folder.
template <typename Work>
auto naming_config(const fs::path& folder, const Work& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    const std::string what = error.what(), path = (folder / kConfigFile).string();
    fail(what.starts_with(path) ? what : path + ": " + what);
  }
}

void check_files(const fs::path& folder) {
  check(fs::is_directory(folder), folder.string() + ": no such adapter folder");
  const bool has_config = fs::exists(folder / kConfigFile);
  const bool has_weights = fs::exists(folder / kWeightsFile);
  if (has_config && !has_weights && fs::exists(folder / kPickleFile)) {
    fail(fmt::format(
        "{}: a pickle is not read, since it can run code; expected {}. To convert, in Python:\n"
        "  import torch, safetensors.torch as s\n"
        "  s.save_file({{k: v.contiguous() for k, v in torch.load(\"{}\", map_location=\"cpu\", "
        "weights_only=True).items()}}, \"{}\", metadata={{\"format\": \"pt\"}})",
        (folder / kPickleFile).string(), kWeightsFile, kPickleFile, kWeightsFile));
  }
  if (!has_config || !has_weights) {
    fail(fmt::format("{}: {} is missing{}", folder.string(),
                     has_config ? kWeightsFile : kConfigFile,
                     has_config != has_weights ? ": the adapter is half written"
                                               : ", so this is no adapter folder"));
  }
}

}  // namespace

PeftConfig read_peft_config(const fs::path& folder) {
  check_files(folder);
  return naming_config(folder, [&] { return parse(read_json(folder / kConfigFile)); });
}

AdapterForm form_of(const fs::path& folder, const PeftConfig& peft,
                    const model::DecoderConfig& config) {
  return naming_config(folder, [&] { return form_of(peft.options, peft.rules, config); });
}

std::vector<std::string> target_names(const AdapterForm& form) {
  std::vector<std::string> names;
  for (const model::Projection projection : model::kProjections) {
    const bool used = std::ranges::any_of(form, [&](const auto& layer) {
      return layer[static_cast<std::size_t>(projection)].lora_r;
    });
    if (used) names.emplace_back(model::name_of(projection));
  }
  return names;
}

LoraOptions read_peft_options(const fs::path& folder, const model::DecoderConfig& config) {
  const PeftConfig peft = read_peft_config(folder);
  const AdapterForm form = form_of(folder, peft, config);
  LoraOptions options = peft.options;
  options.target_modules = target_names(form);
  check(form == form_of(options, config),
        (folder / kConfigFile).string() +
            ": by rank_pattern, alpha_pattern, layers_to_transform or its targets, modules of "
            "this adapter differ in rank, scaling or layer; expected for training: all alike");
  return options;
}

Json peft_record(const fs::path& folder) {
  const PeftConfig config = read_peft_config(folder);
  const Json json = read_json(folder / kConfigFile);
  Json record = {{"lora_r", config.options.lora_r}, {"lora_alpha", config.options.lora_alpha}};
  // The record does not depend on the order of a list.
  auto names = config.rules.target_modules.names;
  std::ranges::sort(names);
  record["target_modules"] = names.empty() ? json.at("target_modules") : Json(names);
  for (const char* key : {"use_rslora", "exclude_modules", "layers_to_transform", "layers_pattern",
                          "rank_pattern", "alpha_pattern"}) {
    const Json& value = value_of(json, key);
    const bool says_something =
        !value.is_null() && value != false && !(value.is_structured() && value.empty());
    if (says_something) record[key] = value;
  }
  return record;
}

}  // namespace tradeoff::lora
