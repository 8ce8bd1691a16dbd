#include "tradeoff/text/tokenize_file.hpp"

#include <memory>

#include "all_commands.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind_task.hpp"

namespace tradeoff::app {

Work parse_tokenize(Words words) {
  auto options = std::make_shared<text::TokenizeOptions>();
  bool quiet = false;
  config::OptionTable table;
  bind(table, *options);
  table.add("quiet", &quiet, "Say nothing but warnings").local();
  if (!config::parse_command_line(
          {"tokenize", "Writes the token ids of every text of a JSONL file; no BOS is added.",
           "tradeoff tokenize --tokenizer models/smollm2-135m-instruct --input texts.jsonl "
           "--output ids.jsonl"},
          table, words))
    return {};
  const auto run = [options](const comm::Session& session) {
    if (session.rank() != 0) return front::kComplete;
    const Stopwatch clock;
    const auto counts = text::tokenize_file(*options);
    const double mb = static_cast<double>(counts.bytes) * 1e-6;
    log::info("{} texts, {:.1f} MB, {} tokens in {:.2f} s ({:.1f} MB/s)", counts.texts, mb,
              counts.tokens, clock.seconds(), mb / clock.seconds());
    return front::kComplete;
  };
  return {run, quiet ? log::Level::quiet : log::Level::normal};
}

}  // namespace tradeoff::app
