#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "command.hpp"
#include "launch.hpp"
#include "tradeoff/base/launcher.hpp"
#include "tradeoff/front/message.hpp"

namespace {

using namespace tradeoff;

// Every rank meets the same fault of the command line before MPI starts. Rank 0 tells it and ends,
// which ends the others; a rank that alone has one tells it a little later.
int usage_error(const std::string& text) {
  if (launch_of_environment().rank > 0) std::this_thread::sleep_for(std::chrono::seconds(3));
  fmt::print(stderr, "{}\n", text);
  return front::kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  // 1. Parse: all faults of command line and files at once, before MPI or a GPU is touched.
  const std::vector<std::string> words(argv + 1, argv + argc);
  std::string command;
  app::Work work;
  try {
    work = app::parse_words(words, command);
    if (work.ranks > 0 && !app::started_by_launch()) app::refuse_second_launch(work.ranks);
  } catch (const std::exception& error) {
    return usage_error(front::message(command, error));
  }
  if (!work.run) return front::kComplete;

  try {
    if (work.ranks > 1 && !app::started_by_launch()) return app::launch_ranks(work.ranks, words);

    // 2. Start the session: the ranks of the launcher, or this process alone.
    const comm::Session session({work.heartbeats});
    log::configure(work.log_level, session.size() > 1 ? fmt::format("[r{}] ", session.rank()) : "");

    // 3. Run the command.
    try {
      return work.run(session);
    } catch (const std::exception& error) {
      // 4. A rank that fails takes all down; one that merely finalised would leave the others
      // hanging.
      if (session.size() > 1) session.abort(front::kFailed, front::message(command, error));
      fmt::print(stderr, "{}{}\n", front::message(command, error), session.whereabouts());
      return front::kFailed;
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", front::message(command, error));
    return front::kFailed;
  }
}
