#pragma once
#include <cstdint>
#include <optional>

namespace tradeoff::train {

/// When the next checkpoint is due. `every` steps where that is said; else so seldom that saving
/// takes less than 2 % of the time, and half a minute after the last at the earliest. Seconds count
/// from the training's begin.
class SaveClock {
 public:
  /// `bytes` of a checkpoint: what the first may cost is guessed from them.
  SaveClock(std::optional<std::int64_t> every, std::int64_t bytes);
  bool due(std::int64_t step, double now_s) const;
  /// A checkpoint was written in this time.
  void saved(double begin_s, double end_s);

 private:
  std::optional<std::int64_t> every_;
  double cost_s_, last_s_ = 0;
};

}  // namespace tradeoff::train
