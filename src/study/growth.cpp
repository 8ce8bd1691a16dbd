#include "growth.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "cell_inputs.hpp"
#include "tradeoff/store/difference.hpp"

namespace tradeoff::study {
namespace {

using Part = std::pair<std::string, std::string>;  // arm, and task or "training"

// Seeds of each arm and task, as they are planned.
std::map<Part, std::vector<std::uint64_t>> parts_of(const Json& plan) {
  std::map<Part, std::vector<std::uint64_t>> parts;
  for (const Json& cell : field<Json>(plan, "cells")) {
    const auto arm = field<std::string>(cell, "arm");
    const auto seed = field<std::uint64_t>(cell, "seed");
    if (field<bool>(cell, "trains")) parts[{arm, kTrainingInputs}].push_back(seed);
    for (const Json& task : field<Json>(cell, "tasks"))
      parts[{arm, field<std::string>(task, "task")}].push_back(seed);
  }
  return parts;
}

std::string named(const Part& part, const std::vector<std::uint64_t>& seeds) {
  return fmt::format("arm {}, seed {}, {}", part.first, fmt::join(seeds, " and "), part.second);
}

}  // namespace

std::vector<std::string> contrary_cells(const StudyRecord& before, const StudyRecord& now,
                                        const HasResults& has_results) {
  const auto planned = parts_of(now.plan);
  std::vector<std::string> lines;
  for (const auto& [part, all_seeds] : parts_of(before.plan)) {
    const auto& [arm, task] = part;
    std::vector<std::uint64_t> seeds, gone;
    const auto found = planned.find(part);
    for (const std::uint64_t seed : all_seeds) {
      if (!has_results(arm, seed, task)) continue;
      seeds.push_back(seed);
      if (found == planned.end() || std::ranges::find(found->second, seed) == found->second.end())
        gone.push_back(seed);
    }
    if (!gone.empty())
      lines.push_back(named(part, gone) + ": has results, and is no longer in the job");
    if (seeds.empty() || found == planned.end()) continue;
    const auto keys = contrary_inputs(field<Json>(field<Json>(before.inputs, arm), task),
                                      field<Json>(field<Json>(now.inputs, arm), task));
    if (!keys.empty())
      lines.push_back(fmt::format("{}: {}", named(part, seeds), fmt::join(keys, "; ")));
  }
  return lines;
}

std::vector<std::string> growth_of(const Json& before, const Json& now) {
  std::vector<std::string> lines;
  // Arms that only one of both has are named; their keys are no changes.
  Json both_before = before, both_now = now;
  const auto name_and_drop = [&](Json& of, const Json& other, const char* what) {
    if (!of.contains("arms")) return;
    check(of["arms"].is_object(),
          fmt::format("config.arms: found {}, expected an object", detail::shown(of["arms"])));
    std::vector<std::string> alone;
    for (const auto& [arm, keys] : of["arms"].items())
      if (!other.contains("arms") || !other["arms"].contains(arm)) alone.push_back(arm);
    for (const std::string& arm : alone) {
      of["arms"].erase(arm);
      lines.push_back(fmt::format("arm {} {}", arm, what));
    }
  };
  name_and_drop(both_now, before, "is new");
  name_and_drop(both_before, now, "is left out");
  const auto changes = store::differences(both_before, both_now);
  lines.insert(lines.end(), changes.begin(), changes.end());
  return lines;
}

}  // namespace tradeoff::study
