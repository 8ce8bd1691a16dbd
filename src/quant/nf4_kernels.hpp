#pragma once
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>

#include "nf4_format.hpp"

/// The kernels behind nf4.hpp, on raw memory that the caller has checked.
namespace tradeoff::quant {

/// Instruction sets of the CPU kernels; all give the same bits.
enum class Isa { scalar, avx2, avx512 };
Isa best_isa();

/// values [numel] of `dtype` -> packed [(numel + 1) / 2], absmax [blocks].
struct QuantiseTask {
  const void* values = nullptr;
  at::ScalarType dtype = at::kFloat;
  std::int64_t numel = 0;
  int blocksize = 64;
  std::uint8_t* packed = nullptr;
  float* absmax = nullptr;
};
void quantise_cpu(const QuantiseTask& task, Isa isa);
void dequantise_cpu(const Nf4View& weight, at::ScalarType dtype, void* out, Isa isa);

/// Whole blocks [first, last) alone; the partial block at the end is scalar work. The AVX-512
/// kernel exists for dequantise only: a weight is quantised once.
void quantise_avx2(const QuantiseTask& task, std::int64_t first, std::int64_t last);
void dequantise_avx2(const Nf4View& weight, at::ScalarType dtype, std::int64_t first,
                     std::int64_t last, void* out);
void dequantise_avx512(const Nf4View& weight, at::ScalarType dtype, std::int64_t first,
                       std::int64_t last, void* out);

/// On the current stream of `device`. A build without CUDA throws.
void quantise_cuda(const QuantiseTask& task, at::Device device);
void dequantise_cuda(const Nf4View& weight, at::ScalarType dtype, void* out, at::Device device);
/// absmax of each block as a float.
void absmax_cuda(const AbsmaxView& absmax, std::int64_t blocks, float* out, at::Device device);

/// out = x·Wᵀ + bias + residual in bfloat16 for one to kMostProductRows rows of x; W is the parts'
/// rows, one part behind the other, in whole blocks of 64.
struct ProductTask {
  static constexpr int kMostParts = 3;
  // W's rows are computed in tiles of so many: those of each part are a multiple.
  static constexpr int kTileRows = 32;
  struct Part {
    Nf4View weight;
    int rows = 0;
  } parts[kMostParts];
  int in = 0, out_columns = 0, x_rows = 0;
  const void* x = nullptr;         // [x_rows, in]
  const void* bias = nullptr;      // [out_columns], or null
  const void* residual = nullptr;  // [x_rows, out_columns], or null
  void* out = nullptr;             // [x_rows, out_columns]
};
/// Whether the card has the instructions for it.
void product_cuda(const ProductTask& task, at::Device device);

}  // namespace tradeoff::quant
