#pragma once
#include "tradeoff/task/render.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::task {

/// The drawn questions of a set of MMLU's form.
Questions choice_questions(Mmlu data, const Draw& draw);
/// These questions of it.
Questions choice_questions(Mmlu data, const std::vector<MmluPlace>& drawn);

}  // namespace tradeoff::task
