#pragma once

namespace tradeoff::study {

enum class TaskKind { spider, mmlu };
const char* name_of(TaskKind task);

/// The metric that `accuracy` means on Spider.
enum class Primary { exec, set, strict };
const char* name_of(Primary primary);

}  // namespace tradeoff::study
