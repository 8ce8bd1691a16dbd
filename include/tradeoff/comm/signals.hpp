#pragma once

namespace tradeoff::comm {

/// While it lives, SIGINT, SIGTERM and SIGUSR2 set a flag instead of ending the process (USR1 is
/// NCCL's). Slurm sends the last two before a time limit or a preemption, mpirun forwards USR2 to
/// every rank. Any rank may get one alone, and tells all others within a second: agree by
/// any(session, stop_requested()) at the next step or after ChunkCounter::close(), save, and exit
/// with kRunAgain on all ranks. A second SIGINT or SIGTERM ends the process at once; one that comes
/// with the first (a terminal and a launcher both send) is the first. The destructor puts the
/// former handlers back.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
};

/// "Saved, run me again": Slurm's RequeueExit.
inline constexpr int kRunAgain = 85;

/// True once a signal came to this process. Async-signal-safe, any thread.
bool stop_requested() noexcept;
/// Another rank has got a signal: this one stops as well.
void request_stop() noexcept;

}  // namespace tradeoff::comm
