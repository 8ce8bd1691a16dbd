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

template <typename Options>
Work parse(const config::Usage& usage, Words words, task::Prepared (*prepare)(const Options&)) {
  auto options = std::make_shared<Options>();
  bool quiet = false;
  config::Table table;
  bind(table, *options);
  table.add("quiet", &quiet, "Say nothing but warnings").local();
  if (!config::parse_command_line(usage, table, words)) return {};
  const auto run = [options, prepare](const comm::Session& session) {
    if (session.rank() == 0) report(prepare(*options));
    return kComplete;
  };
  return {run, quiet ? log::Level::quiet : log::Level::normal};
}

}  // namespace

Work parse_prepare(Words words) {
  if (!words.empty() && words.front() == "spider")
    return parse<task::PrepareSpiderOptions>(
        {"prepare spider", "Writes train_formatted.jsonl and dev_formatted.jsonl.",
         "tradeoff prepare spider --data jobs/data/spider --model models/smollm2-135m-instruct "
         "--output-dir prepared"},
        words.subspan(1), task::prepare_spider);
  if (!words.empty() && words.front() == "mmlu")
    return parse<task::PrepareMmluOptions>(
        {"prepare mmlu", "Writes mmlu.jsonl.",
         "tradeoff prepare mmlu --data jobs/data/mmlu --model models/smollm2-135m-instruct "
         "--output-dir prepared"},
        words.subspan(1), task::prepare_mmlu);
  // Neither: the table of the one word tells what is wrong.
  std::string name;
  config::Table table;
  table
      .add_choice("task", &name, config::Names<std::string>{{"spider", "spider"}, {"mmlu", "mmlu"}},
                  "Which data; the first word. `tradeoff prepare spider --help` tells the rest")
      .required();
  table.positional("task");
  if (!config::parse_command_line({"prepare", "Makes formatted prompts of original data.",
                                   "tradeoff prepare spider --help"},
                                  table, words))
    return {};
  throw config::UsageError("spider or mmlu must be the first word after prepare");
}

}  // namespace tradeoff::app
