#pragma once
#include <mpi.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tradeoff/base/heartbeat.hpp"
#include "tradeoff/base/launcher.hpp"

namespace tradeoff::comm {

struct WatchLimits {
  // Longest time from this rank's start until all have joined MPI, seconds; 0: no limit. A rank
  // that ended before MPI_Init or belongs to another user leaves the others in it for ever.
  double start_s = 45;
  // Longest time without a sign of life of another rank, seconds; 0: no limit. The signs come from
  // a thread: a rank in a long kernel gives them, a stopped one does not.
  double silence_s = 40;
};
/// The limits, or what TRADEOFF_START_S and TRADEOFF_SILENCE_S say instead. Throws Error where
/// these are no numbers of seconds.
WatchLimits watch_limits();

/// A rank's sign of life and its look at the others. One thread sends a beat a second to the eight
/// ranks before this one and hears the eight after it, over a communicator of its own; a second
/// writes the heartbeat file. Time is counted in the thread's own turns, so that a rank that was
/// stopped itself accuses nobody when it goes on.
class Watch {
 public:
  /// Starts the beats into `folder` (empty: none) and, under a launcher, the deadline of the start.
  explicit Watch(const std::filesystem::path& folder);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// MPI is there: from now on the ranks of `world` watch each other. `abort` ends all ranks with a
  /// text. Collective.
  void join(MPI_Comm world, std::function<void(const std::string&)> abort);
  /// Collective; every rank has arrived when it returns, and none is watched any more.
  void leave();

  void doing(std::string what);
  void at(std::string where);
  std::string whereabouts() const;

 private:
  struct Beat;
  struct Sending;

  void work(const std::stop_token& stop);
  void give_up_start() const;
  [[noreturn]] void give_up(const std::string& why) const;
  void turn();
  void hear();
  void send_beats();
  void send(int rank);
  void accuse();
  void tell_file();

  const Launch own_;  // as the launcher says, before MPI does
  const WatchLimits limits_;
  const std::filesystem::path folder_;
  std::unique_ptr<HeartbeatFile> file_;
  mutable std::mutex mutex_;
  std::string doing_, at_;

  // Set by join, and the thread's own as soon as it sees joined_.
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, ranks_ = 1;
  std::function<void(const std::string&)> abort_;
  std::vector<int> watched_, listeners_;
  // By rank: the turn in which it was heard last, and what it said.
  std::vector<std::uint64_t> heard_;
  std::vector<std::string> said_;
  std::vector<std::unique_ptr<Sending>> sendings_;
  std::atomic<bool> joined_ = false;
  std::atomic<std::uint64_t> turn_ = 0;
  bool stop_told_ = false;
  std::jthread thread_;
};

}  // namespace tradeoff::comm
