#include "tradeoff/task/prepare.hpp"

#include <memory>

#include "all_commands.hpp"
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

Work prepare_task(const task::Task& task, Words words) {
  auto options = std::make_shared<task::PrepareOptions>(task::prepare_options(task));
  // A folder of the user's is named, not guessed.
  options->source.data.clear();
  bool quiet = false;
  config::Table table;
  bind(table, *options);
  table.add("quiet", &quiet, "Say nothing but warnings").local();
  const std::string files = task.kind == task::Kind::sql
                                ? "train_formatted.jsonl and dev_formatted.jsonl"
                                : task.name + ".jsonl";
  const config::Usage usage{
      "prepare " + task.name, "Writes " + files + ".",
      fmt::format("tradeoff prepare {} --data {} --model models/smollm2-135m-instruct "
                  "--output-dir prepared",
                  task.name, task.source.data.string())};
  if (!config::parse_command_line(usage, table, words)) return {};
  const auto run = [options](const comm::Session& session) {
    if (session.rank() == 0) report(task::prepare(*options));
    return kComplete;
  };
  return {run, quiet ? log::Level::quiet : log::Level::normal};
}

}  // namespace

Work parse_prepare(Words words) {
  if (const task::Task* task = words.empty() ? nullptr : task::find_task(words.front()))
    return prepare_task(*task, words.subspan(1));
  // None of them: the table of the one word tells what is wrong.
  const std::string example =
      fmt::format("tradeoff prepare {} --help", task::built_in_tasks().front().name);
  std::string name;
  config::Table table;
  table
      .add_choice("task", &name, config::names_of(task::built_in_tasks()),
                  fmt::format("Which data; the first word. `{}` tells the rest", example))
      .required();
  table.positional("task");
  if (!config::parse_command_line({"prepare", "Makes formatted prompts of original data.", example},
                                  table, words))
    return {};
  throw config::UsageError("the task must be the first word after prepare");
}

}  // namespace tradeoff::app
