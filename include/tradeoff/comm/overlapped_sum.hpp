#pragma once
#include <memory>
#include <span>

#include "tradeoff/comm/session.hpp"

namespace tradeoff::comm {

/// Sums over ranks that go on while the caller computes (MPI, host memory). Collective: every rank
/// starts sums of the same lengths in the same order, and finishes as often. A single process does
/// nothing. Equal ranks give equal bits; another number of ranks adds in another order.
class OverlappedSum {
 public:
  explicit OverlappedSum(const Session& session);
  ~OverlappedSum();
  OverlappedSum(const OverlappedSum&) = delete;
  OverlappedSum& operator=(const OverlappedSum&) = delete;

  /// Begins to sum `values` in place; they may not be touched before finish(). Throws Error naming
  /// the MPI call.
  void start(std::span<float> values);
  /// Lets MPI move data; call it now and then.
  void progress();
  /// Waits for all sums begun, without holding a core.
  void finish();

 private:
  struct Requests;
  const Session& session_;
  std::unique_ptr<Requests> requests_;
};

}  // namespace tradeoff::comm
