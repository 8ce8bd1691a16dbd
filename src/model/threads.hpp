#pragma once
#include <ATen/Parallel.h>

#include <cstdint>

namespace tradeoff::model {

/// Runs work(i) for i of [0, count) on the rank's threads; tasks must not depend on each other.
template <typename Work>
void for_each_task(std::int64_t count, const Work& work) {
  const int threads = static_cast<int>(std::min<std::int64_t>(at::get_num_threads(), count));
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (threads > 1)
  for (std::int64_t i = 0; i < count; ++i) work(i);
}

}  // namespace tradeoff::model
