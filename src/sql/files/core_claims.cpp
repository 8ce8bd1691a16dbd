#include "core_claims.hpp"

#include <algorithm>

namespace tradeoff::sql {

CoreClaims::CoreClaims(std::size_t threads) {
  cpu_set_t allowed;
  if (threads < 2 || ::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  if (threads > static_cast<std::size_t>(CPU_COUNT(&allowed))) return;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(static_cast<unsigned>(core), &allowed)) free_.push_back(core);
}

int CoreClaims::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return -1;
  auto chosen = std::find(free_.begin(), free_.end(), ::sched_getcpu());
  if (chosen == free_.end()) chosen = free_.begin();
  const int core = *chosen;
  free_.erase(chosen);
  return core;
}

CoreClaims::Claim::Claim(CoreClaims& claims) {
  const int core = claims.take();
  if (core < 0 || ::sched_getaffinity(0, sizeof former_, &former_) != 0) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(core), &one);
  // Where it is refused the job is only slower.
  held_ = ::sched_setaffinity(0, sizeof one, &one) == 0;
}

CoreClaims::Claim::~Claim() {
  if (held_) ::sched_setaffinity(0, sizeof former_, &former_);
}

}  // namespace tradeoff::sql
