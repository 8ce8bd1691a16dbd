#include "save_clock.hpp"

#include <algorithm>

namespace tradeoff::train {
namespace {

// Of the time since the last checkpoint, at most 1/60 for the next: below 2 % with what varies.
constexpr double kTimesCost = 60, kLeastS = 30;
// A slow shared folder; the second checkpoint goes by what the first took.
constexpr double kBytesPerS = 50e6;

}  // namespace

SaveClock::SaveClock(std::optional<std::int64_t> every, std::int64_t bytes)
    : every_(every), cost_s_(static_cast<double>(bytes) / kBytesPerS) {}

bool SaveClock::due(std::int64_t step, double now_s) const {
  if (every_) return *every_ > 0 && step % *every_ == 0;
  return now_s - last_s_ >= std::max(kLeastS, kTimesCost * cost_s_);
}

void SaveClock::saved(double begin_s, double end_s) {
  cost_s_ = end_s - begin_s;
  last_s_ = end_s;
}

}  // namespace tradeoff::train
