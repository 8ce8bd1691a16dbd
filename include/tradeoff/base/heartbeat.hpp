#pragma once
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tradeoff {

/// Name of the folder of heartbeats inside an output folder.
inline constexpr const char* kHeartbeatFolder = "heartbeat";

/// A process' sign of life: what it does, and when it said so last.
struct Heartbeat {
  // The launcher's name of this start, equal on all its ranks; "" for a process alone.
  std::string launch;
  int rank = 0, ranks = 1;
  std::string host;
  int pid = 0;
  // Unix seconds of this beat and of the process' start, by its own clock.
  double time = 0, started = 0;
  std::uint64_t beat = 0;
  // For people: "arm qlora, seed 1: training, step 12 of 50".
  std::string doing;
};

/// Writes FOLDER/HOST-PID.json at once and every five seconds from a thread of its own, so also
/// while the process computes or waits. The file is a help for people: where it cannot be written
/// a warning says so, once, and the work goes on. A process that is killed leaves its last word
/// there; any other removes it.
class HeartbeatFile {
 public:
  /// `first`: launch, rank, ranks and what is done first; host, pid and times are filled in.
  /// Removes what processes of this host left that are gone, and files of an hour ago and earlier.
  HeartbeatFile(std::filesystem::path folder, Heartbeat first);
  ~HeartbeatFile();
  HeartbeatFile(const HeartbeatFile&) = delete;
  HeartbeatFile& operator=(const HeartbeatFile&) = delete;

  /// What the next beats say. Any thread.
  void doing(std::string what);

 private:
  void write();
  void make_folder();
  void beat_on(const std::stop_token& stop);

  std::filesystem::path folder_, file_;
  // Folders that were not there before.
  std::vector<std::filesystem::path> made_;
  std::mutex mutex_;
  Heartbeat next_;
  bool told_ = false;
  std::jthread thread_;
};

/// The heartbeats of a folder by launch and rank; none where there is no such folder. A file that
/// cannot be read is left out: it is being written, or was cut.
std::vector<Heartbeat> read_heartbeats(const std::filesystem::path& folder);

}  // namespace tradeoff
