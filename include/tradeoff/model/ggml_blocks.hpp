#pragma once
#include <cstddef>
#include <span>

#include "tradeoff/base/gguf.hpp"

namespace tradeoff::model {

/// True for F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K and Q6_K.
bool can_dequantise(GgmlType type);

/// Expands whole blocks into floats, as ggml's dequantize_row_* do. `out` holds blocks × elements
/// per block values.
void dequantise(GgmlType type, std::span<const std::byte> blocks, std::span<float> out);

}  // namespace tradeoff::model
