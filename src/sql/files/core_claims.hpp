#pragma once
#include <sched.h>

#include <mutex>
#include <vector>

namespace tradeoff::sql {

/// Spreads the threads of one job over the cores. A thread and its worker take turns on one core
/// (worker_process.hpp), and of two such pairs the scheduler at times leaves both on the same one.
class CoreClaims {
 public:
  /// A job of `threads` threads; nothing is held when it has one, or more than there are cores.
  explicit CoreClaims(std::size_t threads);

  /// Holds the calling thread to the core it is on, or to a free one where another thread of the
  /// job has claimed that; its former cores come back with the destructor.
  class Claim {
   public:
    explicit Claim(CoreClaims& claims);
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;

   private:
    bool held_ = false;
    cpu_set_t former_;
  };

 private:
  int take();

  std::mutex mutex_;
  std::vector<int> free_;  // empty when nothing is to be held
};

}  // namespace tradeoff::sql
