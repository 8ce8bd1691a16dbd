#include "job_tasks.hpp"

#include <algorithm>
#include <functional>

#include "tradeoff/config/arguments.hpp"

namespace tradeoff::app {
namespace {

std::vector<task::Task> built_in(const std::function<bool(const task::Task&)>& wanted) {
  std::vector<task::Task> tasks;
  std::ranges::copy_if(task::built_in_tasks(), std::back_inserter(tasks), wanted);
  return tasks;
}

std::vector<std::string> asked_names(const config::JobFile& job, Words words) {
  std::vector<std::string> asked;
  config::Table table;
  table.section("study").add("tasks", &asked, "").commas();
  config::Problems later;
  job.bind_base(table, later);
  config::Arguments::parse(table, words, later).apply(table, later, config::Unknown::ignore);
  return asked;
}

}  // namespace

std::vector<task::Task> tasks_of_job(const config::JobFile& job, Words words) {
  const std::vector<std::string> asked = asked_names(job, words);
  return built_in([&](const task::Task& task) {
    return task.by_default || std::ranges::any_of(asked, [&](const std::string& name) {
             return config::canonical(name) == task.name;
           });
  });
}

std::vector<task::Task> default_tasks() {
  return built_in([](const task::Task& task) { return task.by_default; });
}

}  // namespace tradeoff::app
