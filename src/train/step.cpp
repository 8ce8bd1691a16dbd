#include "step.hpp"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>

#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/comm/signals.hpp"

namespace tradeoff::train {
namespace {

// Layers whose gradients are summed over the ranks together.
constexpr std::int64_t kBucketLayers = 8;
constexpr double kLossScale = 16;

}  // namespace

GradientStep::GradientStep(const comm::Session& session, model::Decoder& decoder,
                           const lora::LoraOptions& lora, const TrainOptions& options,
                           Recompute recompute)
    : session_(session),
      decoder_(decoder),
      lora_(lora),
      options_(options),
      pass_(decoder, lora, options.seed, recompute),
      link_(make_gradient_link(session, decoder.device())) {
  const c10::InferenceMode inference;
  const std::int64_t count = lora::make_adapter(decoder.config(), lora).parameters.numel();
  flat_ = at::zeros({count}, at::TensorOptions(c10::ScalarType::Float).device(decoder.device()));
  layer_size_ = count / decoder.config().num_hidden_layers;
}

void GradientStep::compute(const MicroBatch& micro, std::span<const Sample* const> batch,
                           std::span<const Draw> draws, double weight, const at::Tensor& into,
                           std::vector<double>& sample_losses,
                           const std::function<void(std::int64_t)>& layer_done) {
  std::vector<const Sample*> members;
  std::vector<std::int64_t> numbers;
  for (const std::size_t place : micro.members) {
    members.push_back(batch[place]);
    numbers.push_back(draws[place].number);
  }
  const PackedBatch packed =
      pack(members, numbers, options_.share_prefix && options_.packing, decoder_.device());
  const at::Tensor losses =
      pass_.run(packed, weight, lora::views_of(into, decoder_.config(), lora_), layer_done);
  for (std::size_t i = 0; i < packed.target_member.size(); ++i) {
    sample_losses[micro.members[packed.target_member[i]]] +=
        static_cast<double>(losses.const_data_ptr<float>()[i]);
  }
}

void GradientStep::sum_along_one_tree(const std::vector<std::size_t>& own,
                                      const std::vector<int>& owner,
                                      const ComputeOne& compute_one) {
  std::vector<MicroGradient> gradients;
  for (const std::size_t i : own) {
    gradients.push_back({static_cast<std::int64_t>(i), at::zeros_like(flat_)});
    compute_one(i, gradients.back().values, {});
  }
  sum_along_tree(*link_, session_, owner, gradients, flat_);
}

void GradientStep::sum_beside_computing(const std::vector<std::size_t>& own,
                                        const ComputeOne& compute_one) {
  flat_.zero_();
  const std::int64_t layers = decoder_.config().num_hidden_layers;
  std::int64_t begun = layers;  // the layers from here on are being summed
  const auto sum_from = [&](std::int64_t layer) {
    if (layer < begun)
      link_->start(flat_.narrow(0, layer * layer_size_, (begun - layer) * layer_size_));
    begun = std::min(begun, layer);
  };
  for (const std::size_t i : own) {
    // Only the rank's last pass completes a layer. Buckets end at the same layers on all ranks.
    const bool last = i == own.back();
    compute_one(i, flat_, [&](std::int64_t layer) {
      if (!last) return;
      if (layer % kBucketLayers == 0) sum_from(layer);
      link_->progress();
    });
  }
  for (std::int64_t layer = (begun - 1) / kBucketLayers * kBucketLayers; begun > 0;
       layer -= kBucketLayers) {
    sum_from(layer);
  }
  link_->finish();
}

StepSums GradientStep::run(const SampleSet& samples, std::span<const Draw> draws) {
  const c10::InferenceMode inference;
  std::vector<const Sample*> batch;
  StepSums sums;
  for (const Draw& draw : draws) {
    batch.push_back(&samples.samples[static_cast<std::size_t>(draw.sample)]);
    sums.tokens += static_cast<std::int64_t>(batch.back()->ids.size());
    sums.supervised += batch.back()->supervised();
  }
  const std::vector<MicroBatch> micros = plan_micro_batches(batch, options_);
  const std::vector<int> owner = assign_ranks(micros, session_.size());
  // float16 has few bits below 1: there a token's gradient is kLossScale times its own, whatever
  // the size of the batch, until the sums, which are float32.
  const double scale = decoder_.dtype() == c10::ScalarType::Half
                           ? kLossScale * static_cast<double>(sums.supervised)
                           : 1;
  const double weight = scale / static_cast<double>(sums.supervised);
  // Each sample's loss, and whether a rank wants to stop: one sum over the ranks, exact since all
  // but one of the terms are 0.
  std::vector<double> shared(batch.size() + 1, 0);

  std::vector<std::size_t> own;
  for (std::size_t i = 0; i < micros.size(); ++i) {
    if (owner[i] == session_.rank()) own.push_back(i);
  }
  const auto compute_one = [&](std::size_t i, const at::Tensor& into, const auto& layer_done) {
    compute(micros[i], batch, draws, weight, into, shared, layer_done);
  };
  if (options_.deterministic) {
    sum_along_one_tree(own, owner, compute_one);
  } else {
    sum_beside_computing(own, compute_one);
  }
  if (scale != 1) flat_.div_(scale);
  // Asked at the end, so that a signal during a step stops behind that one.
  shared.back() = comm::stop_requested() ? 1 : 0;
  comm::all_reduce_sum(session_, std::span(shared));
  sums.stop = shared.back() > 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    sums.loss += shared[i];
    if (!std::isfinite(shared[i])) sums.broken.push_back(batch[i]->id);
  }
  sums.loss /= static_cast<double>(sums.supervised);
  return sums;
}

}  // namespace tradeoff::train
