#pragma once
#include "tradeoff/task/task.hpp"

namespace tradeoff::task {

// Each in src/task/<task>_task.cpp.
Task spider_task();
Task mmlu_task();
Task spider_syn_task();
Task spider_dk_task();
Task mmlu_redux_task();

}  // namespace tradeoff::task
