#pragma once
#include "kernels.hpp"

/// The CPU's inner loops of training, beside those of kernels.hpp and under the same rule: every
/// output element is computed by the same operations whatever the split over threads. One source
/// (backward_impl.hpp), compiled once per instruction set.
namespace tradeoff::model::cpu {

/// Dropout bits of rows [T, words], words of 64 columns; bit c % 64 of word c / 64 set: kept. Null:
/// everything is kept.
struct Mask {
  const std::uint64_t* bits = nullptr;
  std::int64_t words = 0;
};

/// out [T, columns] = factor · (mask ∘ a) · b; a few columns (LoRA's A applied to x, B applied to a
/// gradient).
struct SkinnyArgs {
  Storage in = Storage::f32;
  const void* a = nullptr;  // [T, k]
  std::int64_t lda = 0, k = 0;
  Mask mask;
  const float* b = nullptr;  // of BackwardKernels::skinny_pack, for the same k, columns and `in`
  std::int64_t columns = 0;
  float factor = 1;
  float* out = nullptr;  // [T, columns], rows ldo apart
  std::int64_t ldo = 0;
};

/// dx [T, n] += factor · Σ over parts of mask ∘ (u · a).
struct InputGradPart {
  const float* u = nullptr;  // [T, lora_rank], rows ldu apart
  const float* a = nullptr;  // [lora_rank, n]
  std::int64_t ldu = 0, lora_rank = 0;
  Mask mask;
};
struct InputGradArgs {
  Storage storage = Storage::f32;
  void* dx = nullptr;
  std::int64_t n = 0;
  const InputGradPart* parts = nullptr;
  std::int64_t count = 0;
  float factor = 1;
};

/// out [m, n] += factor · smallᵀ · (mask ∘ wide), summed over T rows.
struct OuterArgs {
  Storage storage = Storage::f32;
  const void* wide = nullptr;  // [T, n], rows ldw apart
  std::int64_t ldw = 0;
  Mask mask;
  const float* small = nullptr;  // [T, m], rows lds apart
  std::int64_t lds = 0, m = 0;
  std::int64_t rows = 0;
  float factor = 1;
  float* out = nullptr;
  std::int64_t ldo = 1, column_stride = 1;
};

struct AttendGradArgs {
  Storage storage = Storage::f32;
  const void* q = nullptr;       // [T, heads, d]
  const void* k = nullptr;       // [S, kv_heads, d]
  const void* v = nullptr;       // [S, kv_heads, d]
  const void* dout = nullptr;    // [T, heads, d]
  const float* lse = nullptr;    // [T, heads], of the merged softmax
  const float* delta = nullptr;  // [T, heads]: Σ dout · out
  std::int64_t heads = 0, kv_heads = 0, d = 0;
  float scale = 1;
  float cap = 0;        // of ScoreRule
  float* dq = nullptr;  // [T, heads, d]
  bool add_dq = true;   // to what stands there, which else is not read
};

struct BackwardKernels {
  /// Floats that skinny_pack fills for b [k, columns].
  std::int64_t (*skinny_size)(Storage in, std::int64_t k, std::int64_t columns);
  /// b row-major, float32, in the form skinny reads beside rows of `in`. Where the processor
  /// multiplies bf16 pairs, a bf16 `in` splits each number into the sum of two bf16, exact to 16
  /// bits.
  void (*skinny_pack)(Storage in, const float* b, std::int64_t k, std::int64_t columns,
                      float* packed);
  void (*skinny)(const SkinnyArgs&, std::int64_t row_begin, std::int64_t row_end);
  void (*input_grad)(const InputGradArgs&, std::int64_t row_begin, std::int64_t row_end);
  void (*outer)(const OuterArgs&, std::int64_t column_begin, std::int64_t column_end);
  /// delta of rows [begin, end): Σ over d of a · b, both [T, heads, d].
  void (*row_dots)(Storage, const void* a, const void* b, std::int64_t begin, std::int64_t end,
                   std::int64_t heads, std::int64_t d, float* out);
  /// dq of the tile's queries (+)= their share from the tile's keys, and the other way round: dk,
  /// dv (of the tile's first key and head, rows kv_stride apart) += the keys' share from its
  /// queries.
  void (*attend_grad)(const AttendGradArgs&, const AttendTile&, float* dk, float* dv,
                      std::int64_t kv_stride);
  /// The inverse of rope_scatter's rotation: dqkv row i from dq row i and rows kv_row[i] of dk and
  /// dv.
  void (*rope_grad)(Storage, const RopeShape&, const float* dq, const float* dk, const float* dv,
                    const float* cos_sin, const std::int64_t* position, const std::int64_t* kv_row,
                    std::int64_t rows, void* dqkv);
  /// dx = add + gradient of rms_norm at x for dy; dx may be dy.
  void (*rms_norm_grad)(Storage, const void* x, const float* weight, float eps, const void* dy,
                        const void* add, std::int64_t rows, std::int64_t columns, void* dx);
  /// pair [T, 2n]: gate, then up; dproduct [T, n] → dpair [T, 2n].
  void (*gated_grad)(Storage, Activation, const void* pair, const void* dproduct, std::int64_t rows,
                     std::int64_t n, void* dpair);
  /// Bits of rows [begin, end): column c of row t is kept where 16 bits of philox4x32, of the
  /// stream's key and the counter (module · 2^20 + c / 8, position[t], sample[t]), are at least
  /// `threshold`.
  void (*dropout_mask)(const std::uint32_t* key, const std::int64_t* sample,
                       const std::int64_t* position, std::int64_t module, std::int64_t columns,
                       std::uint32_t threshold, std::int64_t begin, std::int64_t end,
                       std::uint64_t* bits);
  /// A row of logits becomes weight · (softmax - onehot(target)).
  void (*cross_entropy_grad)(float* logits, std::int64_t n, std::int64_t target, float log_sum_exp,
                             float weight);
};

const BackwardKernels& backward_baseline();
const BackwardKernels& backward_avx2();
const BackwardKernels& backward_avx512();
const BackwardKernels& backward_avx512bf16();

/// The set that goes with select_kernels().
const BackwardKernels& select_backward();

}  // namespace tradeoff::model::cpu
