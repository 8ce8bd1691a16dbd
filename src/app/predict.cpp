#include "tradeoff/study/predict.hpp"

#include <memory>

#include "all_commands.hpp"
#include "job_tasks.hpp"
#include "launch.hpp"
#include "options/bind.hpp"
#include "tradeoff/base/heartbeat.hpp"
#include "tradeoff/comm/signals.hpp"
#include "tradeoff/config/arguments.hpp"

namespace tradeoff::app {
namespace {

void check_options(const study::PredictOptions& options, const config::OptionTable& table) {
  config::Problems problems;
  check_sampling(options.decoding.sampling, "--samples", problems);
  const task::Task* asked = task::find_task(options.task, options.own_tasks);
  if (options.answer && asked && asked->kind != task::Kind::choice)
    problems.add(table.where("answer"),
                 "is for tasks of choices, and " + options.task + " is of kind sql");
  task::Task answered = asked ? *asked : task::Task();
  answered.answer = options.answer.value_or(answered.answer);
  if (asked && !is_written(answered)) {
    for (const char* name : study::kSamplingKeys) {
      if (table.given(name))
        problems.add(
            table.where(name),
            "--task " + options.task +
                " scores choices by their log-probabilities, which are not sampled; expected "
                "--answer letter beside it");
    }
  }
  problems.throw_if_any();
}

}  // namespace

Work parse_predict(Words words) {
  auto options = std::make_shared<study::PredictOptions>();
  bool quiet = false;
  config::Problems problems;
  options->own_tasks = tasks_of_files(words, problems);
  std::vector<std::filesystem::path> task_files;
  int ranks = 0;
  config::OptionTable table;
  bind(table, *options);
  bind_task_files(table, task_files);
  table.add("quiet", &quiet, "Say nothing but warnings").local();
  bind_ranks(table, ranks);
  if (!config::parse_command_line(
          {"predict", "Answers the items of one file with one model.",
           "tradeoff predict --model models/smollm2-135m-instruct --task " + options->task +
               " --items prepared/dev_formatted.jsonl --out predictions.jsonl"},
          table, words, std::move(problems)))
    return {};
  check_options(*options, table);
  const auto run = [options](const comm::Session& session) {
    const comm::StopSignals signals;
    return study::predict_file(session, *options) == study::RunState::complete ? front::kComplete
                                                                               : comm::kRunAgain;
  };
  return {run, quiet ? log::Level::quiet : log::Level::normal,
          store::journal_folder(options->out) / kHeartbeatFolder, ranks};
}

}  // namespace tradeoff::app
