#pragma once
#include <array>
#include <cstdint>
#include <span>

/// Absmax in 8 bits: bitsandbytes' quantize_blockwise on the CPU.
namespace tradeoff::quant {

/// create_dynamic_map(signed=True, max_exponent_bits=7, total_bits=8), ascending (Dettmers 2015,
/// arXiv:1511.04561).
std::array<float, 256> dynamic_map();

/// `values` in blocks of `blocksize` -> codes [values.size()], absmax [blocks], with dynamic_map().
void quantise_8bit(std::span<const float> values, int blocksize, std::span<std::uint8_t> codes,
                   std::span<float> absmax);

}  // namespace tradeoff::quant
