#include "tradeoff/model/adapter.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tradeoff/base/error.hpp"

namespace tradeoff::model {
namespace {

void check_shape(const at::Tensor& tensor, std::int64_t rows, std::int64_t columns,
                 const std::string& name) {
  const bool fits = tensor.defined() && tensor.scalar_type() == c10::ScalarType::Float &&
                    tensor.dim() == 2 && tensor.size(0) == rows && tensor.size(1) == columns;
  if (fits) return;
  fail(fmt::format("adapter {}: found {}, expected float32 [{}, {}]", name,
                   tensor.defined() ? fmt::format("{} [{}]", c10::toString(tensor.scalar_type()),
                                                  fmt::join(tensor.sizes(), ", "))
                                    : "nothing",
                   rows, columns));
}

}  // namespace

void check_adapter(const AdapterWeights& adapter, const DecoderConfig& config) {
  if (static_cast<std::int64_t>(adapter.layers.size()) != config.num_hidden_layers) {
    fail(fmt::format("adapter: {} layers, the model has {}", adapter.layers.size(),
                     config.num_hidden_layers));
  }
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    for (const Projection projection : kProjections) {
      const LowRank& update = adapter.at(i, projection);
      if (!update.a.defined() && !update.b.defined()) continue;
      check(std::ranges::find(projections_of(config), projection) != projections_of(config).end(),
            "adapter " + module_name(i, projection) + ": the model has no such product");
      const ProjectionShape shape = shape_of(config, projection);
      const std::int64_t lora_rank =
          update.a.defined() && update.a.dim() == 2 ? update.a.size(0) : 0;
      check_shape(update.a, lora_rank, shape.in, module_name(i, projection) + " A");
      check_shape(update.b, shape.out, lora_rank, module_name(i, projection) + " B");
    }
  }
}

}  // namespace tradeoff::model
