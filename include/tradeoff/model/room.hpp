#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

/// Rows with room behind them: [T, C] whose rows lie C + room apart. On CUDA a product with
/// low-rank updates puts its input's few columns x·aᵀ there, so that base and updates are one
/// product; what makes its input leaves the room.
namespace tradeoff::model {

/// [rows, columns], not filled.
at::Tensor empty_with_room(std::int64_t rows, std::int64_t columns, std::int64_t room,
                           const at::TensorOptions& options);

/// x and its room as one tensor [T, C + room]; a copy where x has another room. What stands in the
/// room is undefined.
at::Tensor with_room(const at::Tensor& x, std::int64_t room);

}  // namespace tradeoff::model
