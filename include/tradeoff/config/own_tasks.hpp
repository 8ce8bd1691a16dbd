#pragma once
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/config/ini.hpp"
#include "tradeoff/task/own.hpp"

namespace tradeoff::config {

/// A task that a file tells in a section [task.NAME].
struct OwnTask {
  task::Task task;
  // Kind and group: what is stored with results, so that a report knows the task.
  Json record;
};

/// Whether a section tells a task.
bool is_own_task(std::string_view section);

/// The tasks of a file's sections [task.NAME], with the keys of task::OwnData; paths are relative
/// to the file's folder. What is wrong goes to `problems`: a name that is taken or no name, an
/// unknown or missing key, a key of the other kind.
std::vector<OwnTask> own_tasks(const IniFile& file, Problems& problems);

}  // namespace tradeoff::config
