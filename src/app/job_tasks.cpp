#include "job_tasks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "options/bind.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/own_tasks.hpp"

namespace tradeoff::app {
namespace {

std::vector<task::Task> built_in(const std::function<bool(const task::Task&)>& wanted) {
  std::vector<task::Task> tasks;
  std::ranges::copy_if(task::built_in_tasks(), std::back_inserter(tasks), wanted);
  return tasks;
}

// What decides the tasks, before their own keys can be read.
struct Asked {
  std::vector<std::string> tasks;
  std::vector<std::filesystem::path> task_files;
};

Asked read_asked(const config::JobFile* job, Words words) {
  Asked asked;
  config::OptionTable table;
  table.section("study").add("tasks", &asked.tasks, "").commas();
  table.section("");
  bind_task_files(table, asked.task_files);
  config::Problems later;
  if (job) job->bind_base(table, later);
  config::Arguments::parse(table, words, later).apply(table, later, config::Unknown::ignore);
  return asked;
}

// Whether letters are chosen or written decides which keys a task has.
void take_answers(const config::JobFile& job, Words words, std::vector<task::Task>& tasks) {
  config::OptionTable table;
  for (task::Task& task : tasks) {
    table.section(task.name);
    if (task.kind == task::Kind::choice) bind_answer(table, task.answer);
  }
  config::Problems later;
  job.bind_base(table, later);
  config::Arguments::parse(table, words, later).apply(table, later, config::Unknown::ignore);
}

void add_own(const config::IniFile& file, JobTasks& out, config::Problems& problems) {
  for (config::OwnTask& own : config::own_tasks(file, problems)) {
    const std::string& name = own.task.name;
    if (out.own.contains(name)) {
      problems.add(file.path.string(), fmt::format("[task.{}] stands in another file too", name));
      continue;
    }
    out.own[name] = std::move(own.record);
    out.tasks.push_back(std::move(own.task));
  }
}

void add_files(const std::vector<std::filesystem::path>& paths, JobTasks& out,
               config::Problems& problems) {
  for (const std::filesystem::path& path : paths) {
    const config::IniFile file = config::read_ini(path, problems);
    for (const config::IniSection& section : file.sections)
      if (!config::is_own_task(section.name))
        problems.add(section.where, "expected sections [task.NAME] alone");
    add_own(file, out, problems);
  }
}

}  // namespace

JobTasks tasks_of_job(const config::JobFile& job, Words words, config::Problems& problems) {
  const Asked asked = read_asked(&job, words);
  JobTasks out;
  out.own = Json::object();
  out.tasks = built_in([&](const task::Task& task) {
    return task.by_default || std::ranges::any_of(asked.tasks, [&](const std::string& name) {
             return config::canonical(name) == task.name;
           });
  });
  add_own(job.file(), out, problems);
  add_files(asked.task_files, out, problems);
  out.answered = out.tasks;
  take_answers(job, words, out.answered);
  return out;
}

std::vector<task::Task> tasks_of_files(Words words, config::Problems& problems) {
  JobTasks out;
  out.own = Json::object();
  add_files(read_asked(nullptr, words).task_files, out, problems);
  return out.tasks;
}

void bind_task_files(config::OptionTable& table, std::vector<std::filesystem::path>& files) {
  table.add("task_file", &files, "A file of [task.NAME]: tasks of one's own; repeatable")
      .local()
      .placeholder("F.ini");
}

std::vector<task::Task> default_tasks() {
  return built_in([](const task::Task& task) { return task.by_default; });
}

}  // namespace tradeoff::app
