#pragma once
#include <vector>

#include "all_commands.hpp"
#include "tradeoff/config/job.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::app {

/// The tasks whose keys a job may hold: the default ones, those that it asks for, and those that it
/// or a --task-file tells.
struct JobTasks {
  std::vector<task::Task> tasks;
  // The same as the job has them answered, which decides the keys of their arms.
  std::vector<task::Task> answered;
  // Of those that are no built-in ones, by name; for the study's record.
  Json own;
};

/// `words` are those of the command line. What is wrong with [task.NAME] goes to `problems`; what
/// is wrong elsewhere is told when all of it is read.
JobTasks tasks_of_job(const config::JobFile& job, Words words, config::Problems& problems);

/// Those that stand in `run --help`.
std::vector<task::Task> default_tasks();

/// Tasks of one's own that the command line's --task-file tells, for commands without a job file.
std::vector<task::Task> tasks_of_files(Words words, config::Problems& problems);

/// --task-file, repeatable.
void bind_task_files(config::OptionTable& table, std::vector<std::filesystem::path>& files);

}  // namespace tradeoff::app
