#include "tradeoff/train/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tradeoff::train {

std::int64_t warmup_steps(const TrainOptions& options, std::int64_t total_steps) {
  if (options.warmup_steps > 0) return options.warmup_steps;
  return static_cast<std::int64_t>(
      std::ceil(static_cast<double>(total_steps) * options.warmup_ratio));
}

double learning_rate(const TrainOptions& options, std::int64_t total_steps, std::int64_t step) {
  const Schedule schedule = options.lr_scheduler_type;
  if (schedule == Schedule::constant) return options.learning_rate;
  const std::int64_t warmup = warmup_steps(options, total_steps);
  const auto share = [](std::int64_t part, std::int64_t whole) {
    return static_cast<double>(part) / static_cast<double>(std::max<std::int64_t>(1, whole));
  };
  double factor = 1;
  if (step < warmup) {
    factor = share(step, warmup);
  } else if (schedule == Schedule::linear) {
    factor = std::max(0.0, share(total_steps - step, total_steps - warmup));
  } else if (schedule == Schedule::cosine) {
    // Half a period (num_cycles 0.5).
    const double progress = share(step - warmup, total_steps - warmup);
    factor = std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * 0.5 * 2.0 * progress)));
  }
  return options.learning_rate * factor;
}

}  // namespace tradeoff::train
