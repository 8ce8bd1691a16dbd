#pragma once
#include <vector>

#include "all_commands.hpp"
#include "tradeoff/config/job.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::app {

/// The tasks whose keys a job may hold: the default ones, and those that it asks for, in the file
/// or in `words` of the command line. What is wrong in either is told when all of it is read.
std::vector<task::Task> tasks_of_job(const config::JobFile& job, Words words);

/// Those that stand in `run --help`.
std::vector<task::Task> default_tasks();

}  // namespace tradeoff::app
