#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"

namespace tradeoff::study {

/// A study as its folder keeps it in study.json: what it computes and of what.
struct StudyRecord {
  // The resolved configuration, as predictions.h5 has it.
  Json config;
  // By arm: arm_inputs.
  Json inputs;
  // {"cells": [...]}: what there is to do, for those who look at the folder meanwhile.
  Json plan;
};

/// Whether the folder holds anything of a cell's task ("training": of its adapter).
using HasResults =
    std::function<bool(const std::string& arm, std::uint64_t seed, const std::string& task)>;

/// What keeps `now` from going on in the folder of `before`: a line for each arm and task that has
/// results which would be others, or would be asked no longer, naming seeds and keys. Empty where
/// all that is there stays as it is. Throws Error where `before` lacks what it should have.
std::vector<std::string> contrary_cells(const StudyRecord& before, const StudyRecord& now,
                                        const HasResults& has_results);

/// What the configuration `now` has other than `before`, a line each: new arms by name, arms left
/// out, and keys with both values.
std::vector<std::string> growth_of(const Json& before, const Json& now);

}  // namespace tradeoff::study
