#pragma once
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "tradeoff/sql/sandbox/execute.hpp"

namespace tradeoff::sql {

/// One running tradeoff-sql-worker: its process, pidfd and socket. The destructor kills it.
class WorkerProcess {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Received { all, died, late };

  /// Starts `program` by posix_spawn and waits for its hello. Throws Error naming the program.
  explicit WorkerProcess(const std::filesystem::path& program);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// False when the worker is gone.
  bool send(std::span<const std::string_view> parts);
  /// Exactly `size` bytes into `out`, unless the worker dies or `deadline` passes before.
  Received receive(char* out, std::size_t size, Clock::time_point deadline);
  pid_t pid() const { return pid_; }

 private:
  void spawn(const std::filesystem::path& program);
  void end();
  void share_core();
  void leave_core();

  pid_t pid_ = -1;
  int pid_fd_ = -1, socket_ = -1;
  // The core that the worker is held to; -1 for none.
  int core_ = -1;
  // Bytes that came with an earlier read.
  std::unique_ptr<char[]> buffer_;
  std::size_t filled_ = 0, used_ = 0;
};

/// `given`, else $TRADEOFF_SQL_WORKER, else beside the running program. Throws Error when it is not
/// there.
std::filesystem::path find_worker(const std::filesystem::path& given);

}  // namespace tradeoff::sql
