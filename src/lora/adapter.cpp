#include "tradeoff/lora/adapter.hpp"

#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/seed.hpp"

namespace tradeoff::lora {
namespace {

std::int64_t parameter_count(const model::DecoderConfig& config, const AdapterForm& form) {
  std::int64_t count = 0;
  for (const auto& layer : form) {
    for (const model::Projection projection : model::kProjections) {
      const auto [out, in] = model::shape_of(config, projection);
      count += layer[static_cast<std::size_t>(projection)].lora_r * (out + in);
    }
  }
  return count;
}

bool means_all(const std::vector<std::string>& targets) {
  return targets.size() == 1 && targets.front() == "all-linear";
}

// Every one names one of `projections`, and there is one.
void check_names(const std::vector<std::string>& targets,
                 std::span<const model::Projection> projections) {
  check(!targets.empty(), "target_modules: expected at least one");
  for (const std::string& name : targets) {
    if (std::ranges::find(projections, name, model::name_of) != projections.end()) continue;
    std::vector<std::string_view> names;
    for (const model::Projection projection : projections)
      names.push_back(model::name_of(projection));
    fail(fmt::format("target_modules: found \"{}\", expected {}, or all-linear alone", name,
                     fmt::join(names, ", ")));
  }
}

}  // namespace

std::vector<model::Projection> parse_targets(const std::vector<std::string>& names,
                                             const model::DecoderConfig& config) {
  const auto all = model::projections_of(config);
  if (means_all(names)) return {all.begin(), all.end()};
  std::vector<model::Projection> targets;
  for (const model::Projection projection : all) {
    const auto times = std::ranges::count(names, model::name_of(projection));
    check(times <= 1, fmt::format("target_modules: {} stands twice", model::name_of(projection)));
    if (times == 1) targets.push_back(projection);
  }
  check_names(names, all);
  return targets;
}

LoraOptions normalised(LoraOptions options, const model::DecoderConfig& config) {
  std::vector<std::string> names;
  for (const model::Projection projection : parse_targets(options.target_modules, config)) {
    names.emplace_back(model::name_of(projection));
  }
  options.target_modules = std::move(names);
  return options;
}

void check_options(const LoraOptions& options) {
  check(options.lora_r >= 1, fmt::format("lora_r: found {}, expected at least 1", options.lora_r));
  check(std::isfinite(options.lora_alpha) && options.lora_alpha > 0,
        fmt::format("lora_alpha: found {}, expected a number above 0", options.lora_alpha));
  check(options.lora_dropout >= 0 && options.lora_dropout < 1,
        fmt::format("lora_dropout: found {}, expected a number from 0 to below 1",
                    options.lora_dropout));
  if (!means_all(options.target_modules)) check_names(options.target_modules, model::kProjections);
}

model::AdapterWeights views_of(const at::Tensor& flat, const model::DecoderConfig& config,
                               const LoraOptions& options) {
  return views_of(flat, config, form_of(options, config));
}

model::AdapterWeights views_of(const at::Tensor& flat, const model::DecoderConfig& config,
                               const AdapterForm& form) {
  const c10::InferenceMode inference;
  model::AdapterWeights weights;
  weights.layers.resize(static_cast<std::size_t>(config.num_hidden_layers));
  std::int64_t at = 0;
  const auto take = [&](std::int64_t rows, std::int64_t columns) {
    const at::Tensor view = flat.narrow(0, at, rows * columns).view({rows, columns});
    at += rows * columns;
    return view;
  };
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    for (const model::Projection projection : model::kProjections) {
      const ModuleForm& module = form.at(i)[static_cast<std::size_t>(projection)];
      if (module.lora_r == 0) continue;
      const auto [out, in] = model::shape_of(config, projection);
      model::LowRank& update = weights.layers[i][static_cast<std::size_t>(projection)];
      update.a = take(module.lora_r, in);
      update.b = take(out, module.lora_r);
      update.scaling = module.scaling;
    }
  }
  return weights;
}

Adapter make_adapter(const model::DecoderConfig& config, const LoraOptions& options) {
  check_options(options);
  return make_adapter(config, options, form_of(options, config));
}

Adapter make_adapter(const model::DecoderConfig& config, const LoraOptions& options,
                     const AdapterForm& form) {
  const c10::InferenceMode inference;
  Adapter adapter;
  adapter.options = normalised(options, config);
  adapter.form = form;
  adapter.parameters =
      at::zeros({parameter_count(config, form)}, at::TensorOptions(c10::ScalarType::Float));
  adapter.weights = views_of(adapter.parameters, config, form);
  return adapter;
}

bool is_alike(const Adapter& adapter) {
  const ModuleForm one = module_form(adapter.options);
  return std::ranges::all_of(adapter.form, [&](const auto& layer) {
    return std::ranges::all_of(model::kProjections, [&](model::Projection projection) {
      const bool target =
          std::ranges::count(adapter.options.target_modules, model::name_of(projection)) > 0;
      return layer[static_cast<std::size_t>(projection)] == (target ? one : ModuleForm());
    });
  });
}

void initialise(Adapter& adapter, std::uint64_t seed) {
  const c10::InferenceMode inference;
  SeedStream stream(seed, "lora_init");
  for (auto& layer : adapter.weights.layers) {
    for (model::LowRank& update : layer) {
      if (!update.a.defined()) continue;
      const double bound = 1.0 / std::sqrt(static_cast<double>(update.a.size(1)));
      float* const a = update.a.mutable_data_ptr<float>();
      for (std::int64_t i = 0; i < update.a.numel(); ++i) {
        a[i] = static_cast<float>((2 * stream.uniform() - 1) * bound);
      }
      update.b.zero_();
    }
  }
}

}  // namespace tradeoff::lora
