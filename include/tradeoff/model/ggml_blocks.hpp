#pragma once
#include <cstddef>
#include <span>

#include "tradeoff/base/gguf.hpp"

namespace tradeoff::model {

/// Expands whole blocks into floats, as ggml's dequantize_row_* do. `out` holds blocks × elements
/// per block values. Throws Error with the list of types that are read: F32, F16, BF16, Q8_0, Q4_0,
/// Q4_1, Q5_0, Q5_1, Q2_K to Q6_K, IQ4_NL, IQ4_XS.
void dequantise(GgmlType type, std::span<const std::byte> blocks, std::span<float> out);

}  // namespace tradeoff::model
