// What the hand-out of chunks costs: every rank "computes" (sleeps) MILLISECONDS a chunk, as an
// accelerator does while its host is free. hand_out COUNT MILLISECONDS
//   prints {"seconds": wall, "waited": the largest share of a rank's time that it waited for
//   chunks}
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <span>
#include <thread>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/comm/chunk_counter.hpp"
#include "tradeoff/comm/collectives.hpp"

int main(int argc, char** argv) {
  using namespace tradeoff;
  const comm::Session session;
  try {
    check(argc == 3, "usage: hand_out COUNT MILLISECONDS");
    const auto count = std::strtoull(argv[1], nullptr, 10);
    const std::chrono::milliseconds pause(std::strtol(argv[2], nullptr, 10));
    comm::barrier(session);
    double waited = 0, all = 0;
    {
      comm::ChunkCounter chunks(session, count);
      const Stopwatch clock;
      while (true) {
        const Stopwatch wait;
        const auto next = chunks.next();
        waited += wait.seconds();
        if (!next) break;
        std::this_thread::sleep_for(pause);
      }
      all = clock.seconds();
    }
    double worst[2] = {all, waited / all};
    comm::all_reduce_max(session, std::span<double>(worst));
    if (session.rank() == 0)
      fmt::print("{{\"seconds\": {}, \"waited\": {}}}\n", worst[0], worst[1]);
    return 0;
  } catch (const std::exception& error) {
    session.abort(1, error.what());
  }
}
