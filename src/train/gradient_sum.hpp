#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tradeoff/comm/session.hpp"

namespace tradeoff::train {

/// How gradients travel between ranks: MPI for the CPU, NCCL for GPUs. Collective in all calls.
class GradientLink {
 public:
  virtual ~GradientLink() = default;
  /// Begins to sum a contiguous float32 tensor over the ranks in place, while the caller goes on.
  virtual void start(const at::Tensor& bucket) = 0;
  /// Lets data move; called between layers.
  virtual void progress() = 0;
  /// Waits for every sum begun.
  virtual void finish() = 0;
  /// Every rank's `own` [n] in rank order, into `all` [ranks · n].
  virtual void all_gather(const at::Tensor& own, const at::Tensor& all) = 0;
};

/// MPI where `device` is the CPU, NCCL where it is a GPU; never one for the other.
std::unique_ptr<GradientLink> make_gradient_link(const comm::Session& session, c10::Device device);

/// The gradient of one micro-batch, by its index within the step.
struct MicroGradient {
  std::int64_t index = 0;
  at::Tensor values;  // float32 [n]
};

/// The sum of all micro-batches' gradients along a fixed binary tree over their indices, on every
/// rank: the same bits whatever rank computed which. `owner` names the rank of each micro-batch;
/// `own` holds this rank's, in order. The result lies in `sum` [n].
void sum_along_tree(GradientLink& link, const comm::Session& session, std::span<const int> owner,
                    std::span<const MicroGradient> own, const at::Tensor& sum);

}  // namespace tradeoff::train
