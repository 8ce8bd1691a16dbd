#include "tradeoff/lora/adapter.hpp"

#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>

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

}  // namespace

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
