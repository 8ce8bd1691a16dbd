#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tradeoff/train/sample.hpp"

/// Which samples make which step and which forward pass: pure functions of data and options, never
/// of ranks or threads.
namespace tradeoff::train {

/// Steps of a pass over `samples` in batches of `batch_size`, the last one perhaps smaller.
std::int64_t steps_per_epoch(std::int64_t samples, std::int64_t batch_size);
/// Optimizer steps of the whole run.
std::int64_t total_steps(const TrainOptions& options, std::int64_t samples,
                         std::int64_t batch_size);

/// A sample drawn for a step.
struct Draw {
  std::int64_t sample = 0;  // index
  std::int64_t number = 0;  // how many were drawn before it in the whole run
};

/// Draws of each step. The order of an epoch is a shuffle by (seed, epoch), stream "data_order".
class BatchPlan {
 public:
  BatchPlan(std::int64_t samples, std::int64_t batch_size, std::uint64_t seed, bool shuffled);
  /// The draws of step 0, 1, ...
  std::vector<Draw> step(std::int64_t index);
  /// The epoch of a step, counted from 0.
  std::int64_t epoch_of(std::int64_t step) const { return step / per_epoch_; }

 private:
  std::int64_t samples_, batch_size_, per_epoch_;
  std::uint64_t seed_;
  bool shuffled_;
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;
};

/// The samples of one forward pass, by their place in the step's batch, in lexicographic order of
/// their inputs.
struct MicroBatch {
  std::vector<std::size_t> members;
  // Planned tokens, a shared prefix counted once.
  std::int64_t tokens = 0;
};

/// Lays the samples of a step into as few passes of at most micro_batch_tokens as their
/// lexicographic order allows, about equally long; a longer sample has a pass to itself.
std::vector<MicroBatch> plan_micro_batches(std::span<const Sample* const> batch,
                                           const TrainOptions& options);

/// The rank that computes each micro-batch: the longest first, each to the rank with the least to
/// do.
std::vector<int> assign_ranks(std::span<const MicroBatch> micro_batches, int ranks);

}  // namespace tradeoff::train
