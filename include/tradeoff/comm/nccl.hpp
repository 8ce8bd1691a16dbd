#pragma once
#include <cstddef>
#include <memory>

#include "tradeoff/comm/session.hpp"

namespace tradeoff::comm {

struct NcclOptions {
  // Longest wait for a collective, seconds; past it this rank says so and ends, which ends all.
  double deadline_s = 120;
};

/// A NCCL communicator over all ranks of a session, one GPU each (nccl.cpp; a build without CUDA
/// has no_nccl.cpp, whose constructor throws). Gradients on GPUs take this path or none: there is
/// no fallback to MPI.
class Nccl {
 public:
  /// Collective. `device` is this rank's current GPU. Throws Error, on every rank, where two ranks
  /// hold the same GPU (by UUID), and naming the NCCL or CUDA call that failed.
  Nccl(const Session& session, int device, const NcclOptions& options = {});
  ~Nccl();
  Nccl(const Nccl&) = delete;
  Nccl& operator=(const Nccl&) = delete;

  /// Collective. Sums `count` floats of the GPU's memory in place, after what stands in the default
  /// stream so far and beside what is put there later. Returns when it is enqueued.
  void all_reduce_sum(float* values, std::size_t count);
  /// Collective. Every rank's `count` floats in rank order into `all`, likewise.
  void all_gather(const float* own, float* all, std::size_t count);
  /// Waits for all collectives enqueued. Polls for asynchronous errors of NCCL; at the deadline it
  /// prints rank, collective and its number and ends the process without waiting for NCCL.
  void wait();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tradeoff::comm
