// One rank of a launch that ends badly or early: comm_scenario NAME [shared_memory|server].
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <thread>

#include "tradeoff/base/error.hpp"
#include "tradeoff/comm/chunk_counter.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/session.hpp"
#include "tradeoff/comm/signals.hpp"

namespace tradeoff::comm {
namespace {

// The failing rank is `failing`; the others wait for it in a collective call.
void fail_alone(const Session& session, int failing) {
  if (session.rank() == failing) fail("item 17: bad");
  barrier(session);
}

void fail_while_counting(const Session& session, int failing, ChunkCounter::Path path) {
  ChunkCounter chunks(session, 10, path);
  if (session.rank() == failing) fail("item 17: bad");
  while (chunks.next()) {
  }
}

int stop_by_signal(const Session& session, int signalled, ChunkCounter::Path path) {
  const StopSignals guard;
  {
    ChunkCounter chunks(session, 1'000'000, path);
    if (session.rank() == signalled) std::raise(SIGUSR2);
    while (!stop_requested() && chunks.next()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    if (stop_requested()) chunks.close();
  }
  return any(session, stop_requested()) ? kRunAgain : 0;
}

int run(const Session& session, const std::string& name, ChunkCounter::Path path) {
  if (name == "fail-0") fail_alone(session, 0);
  if (name == "fail-1") fail_alone(session, 1);
  if (name == "fail-0-counting") fail_while_counting(session, 0, path);
  if (name == "fail-1-counting") fail_while_counting(session, 1, path);
  if (name == "stop-0") return stop_by_signal(session, 0, path);
  if (name == "stop-1") return stop_by_signal(session, 1, path);
  if (name == "killed") {
    if (session.rank() == 1) std::raise(SIGKILL);
    barrier(session);
  }
  if (name == "hello") {
    refuse_singleton(session, "predict");
    std::printf("%s\n", session.place().c_str());
  }
  return 0;
}

}  // namespace
}  // namespace tradeoff::comm

int main(int argc, char** argv) {
  using namespace tradeoff::comm;
  const std::string name = argc > 1 ? argv[1] : "";
  const auto path = argc > 2 && std::string(argv[2]) == "server" ? ChunkCounter::Path::server
                                                                 : ChunkCounter::Path::automatic;
  // An exception that nobody catches inside must end all ranks as well.
  if (name == "escape") {
    try {
      const Session session;
      fail_alone(session, 1);
    } catch (const std::exception&) {
      return 3;
    }
    return 0;
  }
  const Session session;
  try {
    return run(session, name, path);
  } catch (const std::exception& error) {
    session.abort(7, error.what());
  }
}
