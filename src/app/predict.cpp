#include "tradeoff/study/predict.hpp"

#include <memory>

#include "all_commands.hpp"
#include "tradeoff/base/heartbeat.hpp"
#include "tradeoff/comm/signals.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind.hpp"

namespace tradeoff::app {

Work parse_predict(Words words) {
  auto options = std::make_shared<study::PredictOptions>();
  bool quiet = false;
  config::Table table;
  bind(table, *options);
  table.add("quiet", &quiet, "Say nothing but warnings").local();
  if (!config::parse_command_line(
          {"predict", "Answers the items of one file with one model.",
           "tradeoff predict --model models/smollm2-135m-instruct --task spider --items "
           "prepared/dev_formatted.jsonl --out predictions.jsonl"},
          table, words))
    return {};
  const auto run = [options](const comm::Session& session) {
    const comm::StopSignals signals;
    return study::predict_file(session, *options) == study::RunState::complete ? kComplete
                                                                               : comm::kRunAgain;
  };
  return {run, quiet ? log::Level::quiet : log::Level::normal,
          store::journal_folder(options->out) / kHeartbeatFolder};
}

}  // namespace tradeoff::app
