#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>

#include "tradeoff/model/adapter.hpp"

namespace tradeoff::model {

/// What decides every dropout bit besides layer, projection and column: nothing that depends on how
/// samples are packed or which rank computes them.
struct DropoutRows {
  std::array<std::uint32_t, 2> key;  // SeedStream::key()
  at::Tensor sample;    // int64 [T]: number of the drawn sample, over the whole training
  at::Tensor position;  // int64 [T]: position within it
};

/// Which of `columns` inputs of a projection's update are kept, each with probability 1 -
/// probability (in steps of 2^-16): bits, int64 [T, ceil(columns / 64)], the same on every device.
at::Tensor dropout_mask(const DropoutRows& rows, std::int64_t layer, Projection projection,
                        std::int64_t columns, double probability);

}  // namespace tradeoff::model
