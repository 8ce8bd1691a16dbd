#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

/// NF4 (QLoRA, Dettmers et al. 2023, arXiv:2305.14314) in bitsandbytes' format, bit for bit.
namespace tradeoff::quant {

struct Nf4Options {
  // Consecutive values of the row-major weight that share one absmax: 32, 64, ... 4096.
  int blocksize = 64;
  // Stores absmax itself in 8 bits (QLoRA's double quantisation).
  bool double_quant = true;
};

/// A weight of n values in blocks of `blocksize`; `blocks` = ceil(n / blocksize). All tensors lie
/// on one device.
struct Nf4Weight {
  at::Tensor packed;         // u8 [(n + 1) / 2, 1], two codes a byte, the first in the high nibble
  at::Tensor absmax;         // u8 [blocks] when nested, else f32 [blocks]
  at::Tensor quant_map;      // f32 [16]
  at::Tensor nested_absmax;  // f32 [ceil(blocks / nested_blocksize)]; undefined unless nested
  at::Tensor nested_quant_map;  // f32 [256]; undefined unless nested
  double nested_offset = 0;     // mean of absmax, used as a float
  std::vector<std::int64_t> shape;
  at::ScalarType dtype = at::kBFloat16;  // of the weight that was quantised
  int blocksize = 64;
  int nested_blocksize = 256;

  bool nested() const { return nested_absmax.defined(); }
  std::int64_t numel() const;
  std::int64_t blocks() const { return (numel() + blocksize - 1) / blocksize; }
  /// Bytes of all tensors.
  std::int64_t bytes() const;
  Nf4Weight to(at::Device device) const;
};

/// Quantises `weight` (any shape, at least one value; f32, bf16 or f16; CPU or CUDA). The result
/// lies on its device and has the same bytes on every device, for every thread count: those of
/// bitsandbytes' CPU path. (nested_offset is absmax.mean() on one CPU thread; PyTorch's own last
/// bit moves with its threads above 32,768 blocks.) NaN and infinity spread as they do there.
/// Throws Error on another dtype or device.
Nf4Weight quantise(const at::Tensor& weight, const Nf4Options& options = {});

/// Writes the values into `out`: contiguous (on CUDA the rows of a matrix may lie apart), of
/// weight.shape, f32, bf16 or f16, on the weight's device. Each is nf4[code] * absmax in float,
/// rounded once to nearest even. On CUDA it is enqueued on the current stream. Throws Error where
/// out or the weight's own parts do not fit together.
void dequantise(const Nf4Weight& weight, const at::Tensor& out);
/// The same into a new tensor of weight.dtype.
at::Tensor dequantise(const Nf4Weight& weight);

/// Most rows of x for which product() is faster than dequantising.
inline constexpr std::int64_t kMostProductRows = 64;

/// Whether product() takes these: bfloat16 x [1 to kMostProductRows, in] on a CUDA card of compute
/// capability 8.0 or later; up to three matrices [rows, in] in blocks of 64 with in a multiple of
/// 64 and rows of 32.
bool takes_product(std::span<const Nf4Weight> parts, const at::Tensor& x);

/// x·Wᵀ + bias + residual, bfloat16 [R, Σ rows], of the matrices' rows one behind the other; bias
/// bfloat16 [Σ rows] or undefined; residual bfloat16 [R, Σ rows] or undefined. Reads the codes
/// alone; sums in float. A row of the result depends on its own rows and on R alone. Enqueued on
/// the current stream.
at::Tensor product(std::span<const Nf4Weight> parts, const at::Tensor& x, const at::Tensor& bias,
                   const at::Tensor& residual = {});

/// The same weight with absmax in float: larger by 3 bytes a block, and read with fewer steps.
/// Dequantises to the same bits. On CUDA; one that is not nested is returned as it is.
Nf4Weight without_nesting(const Nf4Weight& weight);

/// Throws Error unless dtypes, sizes and devices of all parts agree.
void check_consistent(const Nf4Weight& weight);

}  // namespace tradeoff::quant
