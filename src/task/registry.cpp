#include <algorithm>

#include "task_list.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::task {

// A line a task, in the order in which reports show them.
const std::vector<Task>& built_in_tasks() {
  static const std::vector<Task> tasks = {
      // clang-format off
      spider_task(),
      mmlu_task(),
      spider_syn_task(),
      spider_dk_task(),
      mmlu_redux_task(),
      // clang-format on
  };
  return tasks;
}

const Task* find_task(std::string_view name, std::span<const Task> own) {
  for (const std::span<const Task> tasks : {std::span<const Task>(built_in_tasks()), own}) {
    const auto found = std::ranges::find(tasks, name, &Task::name);
    if (found != tasks.end()) return &*found;
  }
  return nullptr;
}

const Task& default_task(Kind kind) {
  return *std::ranges::find(built_in_tasks(), kind, &Task::kind);
}

std::string_view name_of(Kind kind) {
  return kind == Kind::sql ? "sql" : "choice";
}

std::string_view name_of(Answer answer) {
  return answer == Answer::choice ? "choice" : "letter";
}

Task plain_task(std::string name, Kind kind) {
  const bool sql = kind == Kind::sql;
  Task task;
  task.words = {.title = name,
                .table = name,
                .accuracy = name + (sql ? " execution accuracy" : " accuracy"),
                .cluster = sql ? "database" : "subject",
                .clusters = sql ? "databases" : "subjects",
                .level = sql ? "hardness" : "group",
                .label = {},
                .dataset = name};
  task.name = std::move(name);
  task.kind = kind;
  return task;
}

}  // namespace tradeoff::task
