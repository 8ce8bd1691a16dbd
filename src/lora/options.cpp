#include "tradeoff/lora/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

#include "tradeoff/base/error.hpp"

namespace tradeoff::lora {
namespace {

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

}  // namespace tradeoff::lora
