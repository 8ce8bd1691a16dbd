#include "tradeoff/lora/modules.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "expression.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::lora {
namespace {

// A list or expression of module names, ready to match.
class Selector {
 public:
  Selector(std::string_view key, const ModuleNames& names) : names_(names) {
    if (!names.expression.empty()) expression_ = python_expression(key, names.expression);
  }
  // The whole name stands in the list.
  bool names_whole(const std::string& name) const {
    return !expression_ && std::ranges::find(names_.names, name) != names_.names.end();
  }
  bool matches(const std::string& name) const {
    if (expression_) return std::regex_match(name, *expression_);
    return names_whole(name) || std::ranges::any_of(names_.names, [&](const std::string& ending) {
             return name.ends_with("." + ending);
           });
  }

 private:
  const ModuleNames& names_;
  std::optional<std::regex> expression_;
};

// rank_pattern or alpha_pattern: PEFT's get_pattern_key.
template <typename Value>
class Pattern {
 public:
  Pattern(std::string_view key, const std::vector<std::pair<std::string, Value>>& entries) {
    for (const auto& [text, value] : entries)
      entries_.emplace_back(python_expression(key, "(?:.*\\.)?(?:", text, ")"), value);
  }
  Value value_of(const std::string& name, Value otherwise) const {
    for (const auto& [expression, value] : entries_) {
      if (std::regex_match(name, expression)) return value;
    }
    return otherwise;
  }

 private:
  std::vector<std::pair<std::regex, Value>> entries_;
};

// PEFT's check_target_module_exists.
class Targets {
 public:
  explicit Targets(const ModuleRules& rules)
      : rules_(rules),
        targets_("target_modules", rules.target_modules),
        excluded_("exclude_modules", rules.exclude_modules) {
    for (const std::string& pattern : rules.layers_pattern) {
      check(pattern.find_first_of("|()") == std::string::npos,
            fmt::format("layers_pattern: found \"{}\", expected a name", pattern));
      layers_.push_back(
          python_expression("layers_pattern", "(?:^|.*?\\.)", pattern, "\\.([0-9]+)\\..*"));
    }
    if (rules.layers_pattern.empty()) layers_.emplace_back(".*?\\.[^.]*\\.([0-9]+)\\..*");
  }

  bool has(const std::string& name, bool linear) const {
    if (!rules_.exclude_modules.empty() && excluded_.matches(name)) return false;
    if (rules_.target_modules.all_linear) return linear;
    if (targets_.names_whole(name)) return true;
    return targets_.matches(name) &&
           (rules_.layers_to_transform.empty() || transforms_layer_of(name));
  }

 private:
  bool transforms_layer_of(const std::string& name) const {
    for (const std::regex& pattern : layers_) {
      std::smatch match;
      if (!std::regex_match(name, match, pattern)) continue;
      return std::ranges::any_of(rules_.layers_to_transform, [&](std::int64_t layer) {
        return std::to_string(layer) == match.str(1);
      });
    }
    return false;
  }

  const ModuleRules& rules_;
  Selector targets_, excluded_;
  std::vector<std::regex> layers_;
};

// The modules of a Llama that are no product of a block, as PEFT walks over them.
std::vector<std::string> other_modules(std::int64_t layers) {
  std::vector<std::string> names = {"model",      "model.embed_tokens", "model.layers",
                                    "model.norm", "model.rotary_emb",   "lm_head"};
  for (std::int64_t i = 0; i < layers; ++i) {
    for (const char* part : {"", ".self_attn", ".mlp", ".mlp.act_fn", ".input_layernorm",
                             ".post_attention_layernorm"}) {
      names.push_back(fmt::format("model.layers.{}{}", i, part));
    }
  }
  return names;
}

}  // namespace

double scaling_of(double lora_alpha, int lora_r, bool use_rslora) {
  return use_rslora ? lora_alpha / std::sqrt(static_cast<double>(lora_r)) : lora_alpha / lora_r;
}

ModuleForm module_form(const LoraOptions& options) {
  return {options.lora_r, scaling_of(options.lora_alpha, options.lora_r, options.use_rslora)};
}

AdapterForm form_of(const LoraOptions& options, const model::DecoderConfig& config) {
  AdapterForm form(static_cast<std::size_t>(config.num_hidden_layers));
  for (const model::Projection projection : parse_targets(options.target_modules, config)) {
    for (auto& layer : form) layer[static_cast<std::size_t>(projection)] = module_form(options);
  }
  return form;
}

AdapterForm form_of(const LoraOptions& options, const ModuleRules& rules,
                    const model::DecoderConfig& config) {
  const std::int64_t layers = config.num_hidden_layers;
  const auto projections = model::projections_of(config);
  std::vector<std::string_view> products;
  for (const model::Projection projection : projections)
    products.push_back(model::name_of(projection));
  const Targets targets(rules);
  const Pattern<int> ranks("rank_pattern", rules.rank_pattern);
  const Pattern<double> alphas("alpha_pattern", rules.alpha_pattern);
  for (const std::string& name : other_modules(layers)) {
    check(!targets.has(name, false),
          fmt::format("target_modules: {} is a target, which carries no update here; expected {}",
                      name, fmt::join(products, ", ")));
  }
  AdapterForm form(static_cast<std::size_t>(layers));
  std::int64_t found = 0;
  for (std::int64_t i = 0; i < layers; ++i) {
    for (const model::Projection projection : projections) {
      const std::string name = model::module_name(i, projection);
      if (!targets.has(name, true)) continue;
      const int lora_r = ranks.value_of(name, options.lora_r);
      form[static_cast<std::size_t>(i)][static_cast<std::size_t>(projection)] = {
          lora_r,
          scaling_of(alphas.value_of(name, options.lora_alpha), lora_r, options.use_rslora)};
      ++found;
    }
  }
  check(found > 0,
        fmt::format("target_modules: no product of the model's {} layers is a target "
                    "(with exclude_modules and layers_to_transform); expected some of {}",
                    layers, fmt::join(products, ", ")));
  return form;
}

}  // namespace tradeoff::lora
