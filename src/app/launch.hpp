#pragma once
#include <span>
#include <string>

#include "tradeoff/config/table.hpp"

namespace tradeoff::app {

/// The option --ranks.
void bind_ranks(config::OptionTable& table, int& ranks);

/// Throws Error where this process must not start ranks: it is one of a launch itself.
void refuse_second_launch(int ranks);

/// `--ranks N`: this program with the same words under mpirun, with what root, containers and more
/// ranks than cores need. Their standard output is passed on as it is, of mpirun's own words only
/// what is not said already. SIGINT, SIGTERM and SIGUSR2 ask the ranks to stop and save; a second
/// SIGINT or SIGTERM ends them at once. Returns the ranks' exit code. Throws Error where there is
/// no mpirun.
int launch_ranks(int ranks, std::span<const std::string> words);

/// True in a rank that launch_ranks started.
bool started_by_launch();

}  // namespace tradeoff::app
