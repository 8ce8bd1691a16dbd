#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gradient_pass.hpp"
#include "gradient_sum.hpp"
#include "tradeoff/comm/session.hpp"
#include "tradeoff/lora/adapter.hpp"
#include "tradeoff/train/batch_plan.hpp"

namespace tradeoff::train {

/// What one step's samples gave: equal on every rank.
struct StepSums {
  double loss = 0;  // mean over all supervised tokens
  std::int64_t tokens = 0, supervised = 0;
  // Samples whose loss is not finite.
  std::vector<std::string> broken;
  // A rank asked to stop after this step.
  bool stop = false;
};

/// Computes the gradient of one step's mean loss over all ranks.
class GradientStep {
 public:
  GradientStep(const comm::Session& session, model::Decoder& decoder, const lora::LoraOptions& lora,
               const TrainOptions& options, Recompute recompute);

  /// Collective. The gradient of the mean loss over the supervised tokens of all `draws`, on every
  /// rank, is in gradient() afterwards. A signal to any rank before its end stops all.
  StepSums run(const SampleSet& samples, std::span<const Draw> draws);
  const at::Tensor& gradient() const { return flat_; }

 private:
  void compute(const MicroBatch& micro, std::span<const Sample* const> batch,
               std::span<const Draw> draws, double weight, const at::Tensor& into,
               std::vector<double>& sample_losses,
               const std::function<void(std::int64_t)>& layer_done);
  // compute() of micro-batch i, its gradient added to `into`.
  using ComputeOne = std::function<void(std::size_t i, const at::Tensor& into,
                                        const std::function<void(std::int64_t)>& layer_done)>;
  // The sums over `own` and then the ranks, into flat_: along one tree, whatever the ranks; or
  // layer by layer while the layers before are still computed.
  void sum_along_one_tree(const std::vector<std::size_t>& own, const std::vector<int>& owner,
                          const ComputeOne& compute_one);
  void sum_beside_computing(const std::vector<std::size_t>& own, const ComputeOne& compute_one);

  const comm::Session& session_;
  model::Decoder& decoder_;
  lora::LoraOptions lora_;
  const TrainOptions& options_;
  GradientPass pass_;
  std::unique_ptr<GradientLink> link_;
  at::Tensor flat_;  // float32 [n] on the model's device
  std::int64_t layer_size_;
};

}  // namespace tradeoff::train
