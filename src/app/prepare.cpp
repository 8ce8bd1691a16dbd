#include "tradeoff/task/prepare.hpp"

#include <memory>

#include "all_commands.hpp"
#include "job_tasks.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind_task.hpp"

namespace tradeoff::app {
namespace {

void report(const task::Prepared& prepared) {
  for (const task::PreparedFile& file : prepared.files) {
    const task::OverflowCounts& counts = file.counts;
    log::info("{}: {} items, {} tokens, longest prompt {}{}", file.path.string(), counts.items,
              counts.tokens, counts.longest,
              counts.shots_dropped + counts.skipped == 0
                  ? ""
                  : fmt::format("; over the limit: {} with fewer shots, {} skipped",
                                counts.shots_dropped, counts.skipped));
  }
  fmt::print("{}\n", prepared.to_json().dump(2));
}

std::string example_of(const task::Task& task) {
  return fmt::format(
      "tradeoff prepare {} {} --model models/smollm2-135m-instruct --output-dir prepared",
      task.name,
      task::find_task(task.name) ? "--data " + task.source.data.string()
                                 : std::string("--task-file F.ini"));
}

Work prepare_task(const task::Task& task, Words words, config::Problems problems) {
  auto options = std::make_shared<task::PrepareOptions>(task::prepare_options(task));
  // A folder of the user's is named, not guessed.
  options->source.data.clear();
  bool quiet = false;
  std::vector<std::filesystem::path> task_files;
  config::OptionTable table;
  bind(table, *options);
  bind_task_files(table, task_files);
  table.add("quiet", &quiet, "Say nothing but warnings").local();
  const std::string files = task.kind == task::Kind::sql
                                ? "train_formatted.jsonl and dev_formatted.jsonl"
                                : task.name + ".jsonl";
  const config::Usage usage{"prepare " + task.name, "Writes " + files + ".", example_of(task)};
  if (!config::parse_command_line(usage, table, words, std::move(problems))) return {};
  const auto run = [options](const comm::Session& session) {
    if (session.rank() == 0) report(task::prepare(*options));
    return front::kComplete;
  };
  return {run, quiet ? log::Level::quiet : log::Level::normal};
}

}  // namespace

Work parse_prepare(Words words) {
  config::Problems problems;
  const std::vector<task::Task> own = tasks_of_files(words, problems);
  if (const task::Task* task = words.empty() ? nullptr : task::find_task(words.front(), own))
    return prepare_task(*task, words.subspan(1), std::move(problems));
  // None of them: the table of the one word tells what is wrong.
  const task::Task& first = task::built_in_tasks().front();
  const std::string example = example_of(first);
  std::string name;
  std::vector<std::filesystem::path> task_files;
  config::OptionTable table;
  table
      .add_choice("task", &name, config::nameable(own),
                  fmt::format("Which data; the first word. `tradeoff help prepare {}` tells the "
                              "options",
                              first.name))
      .required();
  table.positional("task");
  bind_task_files(table, task_files);
  if (!config::parse_command_line({"prepare", "Makes formatted prompts of original data.", example},
                                  table, words, std::move(problems)))
    return {};
  throw config::UsageError("the task must be the first word after prepare");
}

}  // namespace tradeoff::app
