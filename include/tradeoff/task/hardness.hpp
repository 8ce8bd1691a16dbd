#pragma once
#include <string>

#include "tradeoff/base/json.hpp"

namespace tradeoff::task {

/// Spider's hardness of a gold query from its parsed form (the "sql" of dev.json): "easy",
/// "medium", "hard" or "extra". The rules are those of the official evaluation.py
/// (Evaluator.eval_hardness), its slips included. Throws Error naming the key where `sql` is not of
/// that form.
std::string hardness_of(const Json& sql);

}  // namespace tradeoff::task
