#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "all_commands.hpp"
#include "command.hpp"
#include "tradeoff/base/build_info.hpp"
#include "tradeoff/config/problems.hpp"

namespace tradeoff::app {
namespace {

// A new command is a line here, its declaration in all_commands.hpp and a file of its own.
constexpr Command kCommands[] = {
    {"run", "A whole study: every arm, seed and task of a job file", parse_run},
    {"prepare", "A benchmark's original files to formatted prompts", parse_prepare},
    {"import", "GGUF file or Hugging Face folder to a model folder", parse_import},
    {"train", "One QLoRA adapter, in PEFT's format", parse_train},
    {"predict", "One model on one items file", parse_predict},
    {"score", "Predicted SQL against gold SQL, by the official rules and stricter ones",
     parse_score},
    {"show", "One item: prompt, token ids, answer, SQL results side by side", parse_show},
    {"merge", "An adapter into the dequantised base", parse_merge},
    {"report", "One study's predictions.h5 to report.html, report.md, report.json", parse_report},
    {"plan", "What a study of a given size can see, and what a wanted difference needs",
     parse_plan},
    {"compare", "Paired differences of two arms or two result files", parse_compare},
    {"status", "How far a study's folder has come, while it runs or afterwards", parse_status},
    {"tokenize", "JSONL of texts to JSONL of token ids", parse_tokenize},
    {"doctor", "What this machine has and what it can therefore run", parse_doctor},
};

void print_overview() {
  fmt::print(
      "tradeoff {}: what fine-tuning buys and what it costs, in SQL and in multiple choice\n\n"
      "Usage: tradeoff COMMAND [options]            one process\n"
      "       tradeoff COMMAND ... --ranks N        N processes (run, train, predict), one a GPU\n"
      "       mpirun -np N tradeoff COMMAND ...     the same, started by hand\n\nCommands:\n",
      build_version());
  for (const Command& command : commands())
    fmt::print("  {:<10} {}\n", command.name, command.summary);
  fmt::print(
      "\n`tradeoff help COMMAND` tells a command's options with an example, `tradeoff "
      "version` what this is.\n");
}

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

// `help COMMAND ...` is `COMMAND ... --help`.
static Work help_of(Words words, std::string& name) {
  std::vector<std::string> asked(words.begin(), words.end());
  asked.emplace_back("--help");
  return parse_words(asked, name);
}

Work parse_words(Words words, std::string& name) {
  if (words.empty()) throw config::UsageError("no command; `tradeoff --help` lists them");
  const std::string& first = words.front();
  if (first == "help" && words.size() > 1) return help_of(words.subspan(1), name);
  if (first == "--help" || first == "-h" || first == "help") {
    print_overview();
    return {};
  }
  if (first == "--version" || first == "version") {
    fmt::print("tradeoff {} ({})\n", build_version(), build_commit());
    return {};
  }
  const auto found = std::ranges::find(commands(), first, &Command::name);
  if (found == commands().end()) {
    std::vector<std::string> names;
    for (const Command& command : commands()) names.emplace_back(command.name);
    throw config::UsageError(fmt::format("unknown command \"{}\"{}; `tradeoff --help` lists them",
                                         first, config::suggestion(first, names)));
  }
  name = first;
  return found->parse(words.subspan(1));
}

}  // namespace tradeoff::app
