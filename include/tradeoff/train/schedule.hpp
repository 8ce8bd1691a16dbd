#pragma once
#include <cstdint>

#include "tradeoff/train/options.hpp"

namespace tradeoff::train {

/// Steps of rising learning rate: warmup_steps, or warmup_ratio of all steps rounded up
/// (TrainingArguments.get_warmup_steps).
std::int64_t warmup_steps(const TrainOptions& options, std::int64_t total_steps);

/// Learning rate of optimizer step `step`, counted from 0, as transformers' get_constant_schedule,
/// get_constant_schedule_with_warmup, get_linear_schedule_with_warmup and
/// get_cosine_schedule_with_warmup give it.
double learning_rate(const TrainOptions& options, std::int64_t total_steps, std::int64_t step);

}  // namespace tradeoff::train
