#include <fmt/ranges.h>

#include <memory>

#include "all_commands.hpp"
#include "tradeoff/base/heartbeat.hpp"
#include "tradeoff/comm/signals.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind.hpp"
#include "tradeoff/lora/peft_config.hpp"
#include "tradeoff/model/config.hpp"
#include "tradeoff/study/train_file.hpp"

namespace tradeoff::app {
namespace {

// Rank, alpha and targets are the starting adapter's; an option that says otherwise is a fault.
void take_over(const config::Table& table, study::TrainFileOptions& options,
               config::Problems& problems) {
  lora::LoraOptions found;
  lora::LoraOptions asked;
  try {
    const model::DecoderConfig config = model::read_config(options.model.model / "config.json");
    found = lora::read_peft_options(options.init_adapter, config);
    asked = lora::normalised(options.lora, config);
  } catch (const Error& error) {
    problems.add("--init-adapter", error.what());
    return;
  }
  const auto compare = [&](const char* name, const auto& theirs, const auto& ours) {
    if (table.given(name) && !(theirs == ours)) {
      problems.add(table.where(name),
                   fmt::format("found {}, but the adapter in {} has {}", Json(ours).dump(),
                               options.init_adapter.string(), Json(theirs).dump()));
    }
  };
  compare("lora_r", found.lora_r, asked.lora_r);
  compare("lora_alpha", found.lora_alpha, asked.lora_alpha);
  compare("target_modules", found.target_modules, asked.target_modules);
  if (table.given("lora_dropout")) found.lora_dropout = options.lora.lora_dropout;
  options.lora = found;
}

}  // namespace

Work parse_train(Words words) {
  auto options = std::make_shared<study::TrainFileOptions>();
  bool quiet = false;
  config::Table table;
  bind(table, *options);
  table.add("quiet", &quiet, "Say nothing but warnings").local();
  if (!config::parse_command_line(
          {"train", "Trains one QLoRA adapter and writes it as PEFT does.",
           "tradeoff train --model models/smollm2-135m-instruct --train "
           "prepared/train_formatted.jsonl --max-steps 50 --out adapters/sql"},
          table, words)) {
    return {};
  }
  config::Problems problems;
  if (!options->init_adapter.empty()) take_over(table, *options, problems);
  try {
    train::check_options(options->options);
    lora::check_options(options->lora);
  } catch (const Error& error) {
    problems.add("train", error.what());
  }
  problems.throw_if_any();
  const auto run = [options](const comm::Session& session) {
    const comm::StopSignals signals;
    return study::train_file(session, *options) == study::RunState::complete ? kComplete
                                                                             : comm::kRunAgain;
  };
  return {run, quiet ? log::Level::quiet : log::Level::normal, options->out / kHeartbeatFolder};
}

}  // namespace tradeoff::app
