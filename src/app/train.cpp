#include <memory>

#include "adapters.hpp"
#include "all_commands.hpp"
#include "launch.hpp"
#include "options/bind.hpp"
#include "tradeoff/base/heartbeat.hpp"
#include "tradeoff/comm/signals.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/study/train_file.hpp"

namespace tradeoff::app {
Work parse_train(Words words) {
  auto options = std::make_shared<study::TrainFileOptions>();
  bool quiet = false;
  int ranks = 0;
  config::OptionTable table;
  bind(table, *options);
  table.add("quiet", &quiet, "Say nothing but warnings").local();
  bind_ranks(table, ranks);
  if (!config::parse_command_line(
          {"train", "Trains one QLoRA adapter and writes it as PEFT does.",
           "tradeoff train --model models/smollm2-135m-instruct --train "
           "prepared/train_formatted.jsonl --max-steps 50 --out adapters/sql"},
          table, words)) {
    return {};
  }
  config::Problems problems;
  if (!options->init_adapter.empty())
    take_over(table, options->model.model, options->init_adapter, "--init-adapter", options->lora,
              problems);
  try {
    train::check_options(options->options);
    lora::check_options(options->lora);
  } catch (const Error& error) {
    problems.add("train", error.what());
  }
  problems.throw_if_any();
  const auto run = [options](const comm::Session& session) {
    const comm::StopSignals signals;
    return study::train_file(session, *options) == study::RunState::complete ? front::kComplete
                                                                             : comm::kRunAgain;
  };
  return {run, quiet ? log::Level::quiet : log::Level::normal, options->out / kHeartbeatFolder,
          ranks};
}

}  // namespace tradeoff::app
