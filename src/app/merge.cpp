#include "tradeoff/lora/merge.hpp"

#include <memory>

#include "all_commands.hpp"
#include "options/bind.hpp"
#include "tradeoff/config/arguments.hpp"

namespace tradeoff::app {
namespace {

struct MergeOptions {
  std::filesystem::path model, adapter, out;
  model::Quantization quantization = model::Quantization::as_stored;
};

}  // namespace

Work parse_merge(Words words) {
  auto options = std::make_shared<MergeOptions>();
  bool quiet = false;
  config::OptionTable table;
  table.add("model", &options->model, "Model folder").required().local().placeholder("DIR");
  table.add("adapter", &options->adapter, "PEFT adapter folder")
      .required()
      .local()
      .placeholder("DIR");
  table.add("out", &options->out, "Model folder to write", {"output_dir"})
      .required()
      .local()
      .placeholder("DIR");
  table.add_choice("quantization", &options->quantization,
                   config::Names<model::Quantization>{{"auto", model::Quantization::as_stored},
                                                      {"none", model::Quantization::none},
                                                      {"nf4", model::Quantization::nf4}},
                   "The base that the adapter was trained on; nf4: the dequantised values of NF4");
  table.add("quiet", &quiet, "Say nothing but warnings").local();
  if (!config::parse_command_line(
          {"merge", "Merges an adapter into the dequantised base and writes a model folder.",
           "tradeoff merge --model models/mine --adapter adapters/sql --out models/merged"},
          table, words)) {
    return {};
  }
  const auto run = [options](const comm::Session& session) {
    if (session.rank() != 0) return front::kComplete;
    lora::merge(options->model, options->adapter, options->out, options->quantization);
    log::info("{}: {} with {} merged in", options->out.string(), options->model.string(),
              options->adapter.string());
    return front::kComplete;
  };
  return {run, quiet ? log::Level::quiet : log::Level::normal};
}

}  // namespace tradeoff::app
