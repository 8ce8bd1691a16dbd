#pragma once
#include "tradeoff/task/render.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::task {

/// The drawn questions of a set of Spider's form.
Questions sql_questions(Spider data, const Draw& draw);

}  // namespace tradeoff::task
