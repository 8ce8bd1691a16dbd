#include "tradeoff/model/import.hpp"

#include <memory>

#include "all_commands.hpp"
#include "options/bind.hpp"
#include "tradeoff/config/arguments.hpp"

namespace tradeoff::app {

Work parse_import(Words words) {
  auto options = std::make_shared<model::ImportOptions>();
  bool quiet = false;
  config::OptionTable table;
  bind(table, *options);
  table.add("quiet", &quiet, "Say nothing but warnings").local();
  if (!config::parse_command_line(
          {"import", "Writes a model folder from a GGUF file or a Hugging Face folder.",
           "tradeoff import --model MODEL.gguf --out models/mine"},
          table, words)) {
    return {};
  }
  const auto run = [options](const comm::Session& session) {
    if (session.rank() != 0) return front::kComplete;
    const model::ImportSummary summary = model::import_model(*options);
    log::info("{}: {} tensors, {:.1f} M parameters, {:.0f} MB from {}", options->out.string(),
              summary.tensors, static_cast<double>(summary.parameters) / 1e6,
              static_cast<double>(summary.bytes) / 1e6, summary.source);
    return front::kComplete;
  };
  return {run, quiet ? log::Level::quiet : log::Level::normal};
}

}  // namespace tradeoff::app
