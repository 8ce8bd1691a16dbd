#pragma once
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/base/log.hpp"
#include "tradeoff/comm/session.hpp"
#include "tradeoff/front/exit_codes.hpp"

namespace tradeoff::app {

using Words = std::span<const std::string>;

/// What a command line asks for, ready to run: nothing in it is wrong. Empty where --help was
/// printed.
struct Work {
  /// Collective over the session's ranks. Returns the exit code; throws what ends the run.
  std::function<int(const comm::Session&)> run;
  log::Level log_level = log::Level::normal;
  // Where the ranks' heartbeat files go; empty: nowhere.
  std::filesystem::path heartbeats = {};
  // --ranks: processes that mpirun is to start for it; 0: this process is what runs.
  int ranks = 0;
};

struct Command {
  std::string_view name;
  std::string_view summary;  // one line of `tradeoff --help`
  /// `words` follow the command's name. Called before MPI and any GPU; throws with all faults at
  /// once.
  Work (*parse)(Words words);
};

/// Every command, in the order of --help.
std::span<const Command> commands();

/// The work of `tradeoff WORDS...`, --help and --version included; `name` becomes the command's
/// name. Throws config::UsageError for a missing or unknown command.
Work parse_words(Words words, std::string& name);

}  // namespace tradeoff::app
