#pragma once
#include "study_data.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/study/options.hpp"

namespace tradeoff::study {

/// Stands among an arm's inputs for what decides its adapter.
inline constexpr const char* kTrainingInputs = "training";

/// What the results of one arm depend on, whatever the seed: an object of keys for each task that
/// is asked, and for "training" where the arm trains. How answers are scored is not in it. `model`:
/// model_identity of the arm's model; `own`: the arm's part of the study's record.
Json arm_inputs(const StudyOptions& options, const StudyData& data, const ArmOptions& arm,
                const Json& model, const Json& own);

/// What differs between the inputs of two studies for one arm and task, key by key, and would give
/// its questions other answers. More questions of the same draw do not.
std::vector<std::string> contrary_inputs(const Json& before, const Json& now);

}  // namespace tradeoff::study
