#include "tradeoff/lora/adapter.hpp"

#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/seed.hpp"

namespace tradeoff::lora {
namespace {

std::int64_t parameter_count(const model::DecoderConfig& config, const LoraOptions& options) {
  std::int64_t count = 0;
  for (const model::Projection projection : parse_targets(options.target_modules)) {
    const auto [out, in] = model::shape_of(config, projection);
    count += options.lora_r * (out + in);
  }
  return count * config.num_hidden_layers;
}

}  // namespace

std::vector<model::Projection> parse_targets(const std::vector<std::string>& names) {
  if (names.size() == 1 && names.front() == "all-linear") {
    return {model::kProjections.begin(), model::kProjections.end()};
  }
  std::vector<model::Projection> targets;
  for (const model::Projection projection : model::kProjections) {
    const auto times = std::ranges::count(names, model::name_of(projection));
    check(times <= 1, fmt::format("target_modules: {} stands twice", model::name_of(projection)));
    if (times == 1) targets.push_back(projection);
  }
  for (const std::string& name : names) {
    if (std::ranges::find(model::kProjections, name, model::name_of) == model::kProjections.end()) {
      fail(
          fmt::format("target_modules: found \"{}\", expected q_proj, k_proj, v_proj, o_proj, "
                      "gate_proj, up_proj, down_proj, or all-linear alone",
                      name));
    }
  }
  check(!targets.empty(), "target_modules: expected at least one");
  return targets;
}

LoraOptions normalised(LoraOptions options) {
  std::vector<std::string> names;
  for (const model::Projection projection : parse_targets(options.target_modules)) {
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
  parse_targets(options.target_modules);
}

model::AdapterWeights views_of(const at::Tensor& flat, const model::DecoderConfig& config,
                               const LoraOptions& options) {
  const c10::InferenceMode inference;
  const auto targets = parse_targets(options.target_modules);
  model::AdapterWeights weights;
  weights.scaling = options.lora_alpha / options.lora_r;
  weights.layers.resize(static_cast<std::size_t>(config.num_hidden_layers));
  std::int64_t at = 0;
  const auto take = [&](std::int64_t rows, std::int64_t columns) {
    const at::Tensor view = flat.narrow(0, at, rows * columns).view({rows, columns});
    at += rows * columns;
    return view;
  };
  for (auto& layer : weights.layers) {
    for (const model::Projection projection : targets) {
      const auto [out, in] = model::shape_of(config, projection);
      model::LowRank& update = layer[static_cast<std::size_t>(projection)];
      update.a = take(options.lora_r, in);
      update.b = take(out, options.lora_r);
    }
  }
  return weights;
}

Adapter make_adapter(const model::DecoderConfig& config, const LoraOptions& options) {
  const c10::InferenceMode inference;
  check_options(options);
  check(!config.fused_tensors,
        "model_type \"" + config.model_type +
            "\" keeps qkv_proj and gate_up_proj fused; adapters on it are not supported");
  Adapter adapter;
  adapter.options = options;
  adapter.parameters =
      at::zeros({parameter_count(config, options)}, at::TensorOptions(c10::ScalarType::Float));
  adapter.weights = views_of(adapter.parameters, config, options);
  return adapter;
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
