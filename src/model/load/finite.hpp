#pragma once
#include <c10/core/ScalarType.h>

#include <cstddef>
#include <span>

namespace tradeoff::model {

/// Whether none of the values is NaN or infinite. `bytes` hold float32, bfloat16 or float16; all
/// others pass.
bool all_finite(std::span<const std::byte> bytes, c10::ScalarType dtype);

}  // namespace tradeoff::model
