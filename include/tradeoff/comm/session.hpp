#pragma once
#include <filesystem>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>

namespace tradeoff::comm {

class Watch;

struct SessionOptions {
  // Where the ranks' heartbeat files go (base/heartbeat.hpp); empty: nowhere.
  std::filesystem::path heartbeats;
};

/// The ranks that a launcher (mpirun, srun --mpi=pmix) started, or this process alone.
/// MPI is initialised only under a launcher, with MPI_THREAD_MULTIPLE and MPI_ERRORS_RETURN; a
/// process started by itself is rank 0 of 1 and makes no MPI call at all. One Session per process,
/// made by the main thread before anything that uses ranks, and destroyed after it.
/// Each rank watches others by a thread of its own (watch.hpp): a rank that does not start, or of
/// which nothing is heard any more, ends all ranks, within a minute and by name.
class Session {
 public:
  /// Collective. Throws Error naming the MPI call, or saying that MPI lacks MPI_THREAD_MULTIPLE.
  explicit Session(const SessionOptions& options = {});
  /// This rank's group of `parent`, whose ranks are cut into `groups` runs of equal length (within
  /// one) in rank order; the parent lives longer. Collective over the parent. local_rank() and
  /// local_size() stay the parent's, since groups share machines and their GPUs. Throws Error
  /// unless 1 <= groups <= parent.size().
  Session(const Session& parent, int groups);
  /// Collective (MPI_Finalize, but for a group). While an exception passes through it aborts all
  /// ranks instead, since the others may wait in a collective call, which a rank that merely
  /// finalises would hang.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  /// Which group of its parent this is; 0 for what is not a group.
  int group() const { return group_; }
  /// Rank and number of ranks on this machine; the GPU goes by local_rank().
  int local_rank() const { return local_rank_; }
  int local_size() const { return local_size_; }
  /// Machines that the ranks stand on.
  int nodes() const { return nodes_; }
  const std::string& host() const { return host_; }
  /// "rank 1/4 node7": stands before a rank's last words.
  std::string place() const;

  /// What this rank works on ("arm qlora, seed 1") and where it is in it ("step 12 of 50"), for its
  /// heartbeats and its last words. A group's are its rank's. Any thread.
  void doing(std::string what) const;
  void at(std::string where) const;
  /// " (arm qlora, seed 1: step 12 of 50)"; "" where nothing was said.
  std::string whereabouts() const;

  /// Prints "rank 1/4 node7: what" ("error: what" for a single process) on standard error and ends
  /// every rank with `code` (not 0) within seconds. For main's catch, and for threads that have no
  /// catch.
  [[noreturn]] void abort(int code, std::string_view what) const noexcept;

  /// For src/comm: its own communicators (mpi.hpp), null in a single process.
  struct Mpi;
  const Mpi* mpi() const { return mpi_.get(); }

 private:
  void read_ranks();
  void leave() noexcept;

  int rank_ = 0, size_ = 1, local_rank_ = 0, local_size_ = 1, nodes_ = 1, group_ = 0;
  bool finalizes_ = false;
  int exceptions_at_birth_;
  std::string host_;
  // Of the ranks that a launcher started together; groups share it.
  std::shared_ptr<Watch> watch_;
  std::unique_ptr<Mpi> mpi_;
};

/// Throws Error with the command that fixes it, when this single process stands where several were
/// meant: SLURM_NTASKS > 1 without a launcher (srun without --mpi=pmix starts N such processes,
/// each "rank 0 of 1"), or a launcher of another MPI. `mpirun -np 1` is taken at its word.
/// `command` is "predict", "run" or "train".
void refuse_singleton(const Session& session, std::string_view command);

/// Throws Error("call: MPI's own text") unless `code` is MPI_SUCCESS.
void check_mpi(int code, std::string_view call,
               std::source_location where = std::source_location::current());

}  // namespace tradeoff::comm
