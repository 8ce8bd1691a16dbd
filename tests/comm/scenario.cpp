// One rank of a launch that ends badly or early: comm_scenario NAME [shared_memory|server].
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
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

// The stopped rank says what it did last; the others wait for it in a collective call.
void stop_one(const Session& session, int stopped) {
  session.doing("arm x, seed 1");
  session.at("step " + std::to_string(session.rank()));
  barrier(session);
  std::this_thread::sleep_for(std::chrono::seconds(2));  // a beat is heard
  if (session.rank() == stopped) std::raise(SIGSTOP);
  barrier(session);
}

// Longer than the limit of silence in one computation, without a call of MPI.
void compute_long(const Session& session, double seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  volatile double sum = 0;
  while (session.rank() == 1 && std::chrono::steady_clock::now() < end) sum = sum + 1;
  barrier(session);
}

// Two groups; a signal to one rank is known to all, whatever call they are in.
int stop_groups(const Session& session) {
  const StopSignals guard;
  const Session group(session, 2);
  barrier(session);
  if (session.rank() == 0) std::raise(SIGINT);
  for (int step = 0; step < 1000; ++step) {
    if (any(group, stop_requested())) return any(session, true) ? kRunAgain : 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return 0;
}

int run(const Session& session, const std::string& name, ChunkCounter::Path path) {
  if (name == "fail-0") fail_alone(session, 0);
  if (name == "fail-1") fail_alone(session, 1);
  if (name == "fail-0-counting") fail_while_counting(session, 0, path);
  if (name == "fail-1-counting") fail_while_counting(session, 1, path);
  if (name == "stop-0") return stop_by_signal(session, 0, path);
  if (name == "stop-1") return stop_by_signal(session, 1, path);
  if (name == "stop-groups") return stop_groups(session);
  if (name == "stopped-0") stop_one(session, 0);
  if (name == "stopped-1") stop_one(session, 1);
  if (name == "slow") compute_long(session, 9);
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
  // What a rank does that never joins the others: it ends well, or stands still.
  const auto is_rank_1 = [] {
    const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
    return rank && std::string(rank) == "1";
  };
  if (name == "leaves-early" && is_rank_1()) return 0;
  if (name == "stopped-early" && is_rank_1()) std::raise(SIGSTOP);
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
