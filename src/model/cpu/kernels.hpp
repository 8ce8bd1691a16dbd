#pragma once
#include <cstdint>

#include "tradeoff/model/switches.hpp"

/// The CPU's inner loops. One source (kernels_impl.hpp) is compiled once per instruction set;
/// select_kernels() picks the best one the processor has. Every output row is computed by the same
/// operations whatever rows stand beside it and however the work is split over threads, so no
/// result depends on batch composition or thread count.
namespace tradeoff::model::cpu {

/// Storage of activations and weights. bf16 values are held as raw uint16 bits.
enum class Storage { f32, bf16 };

enum class Epilogue {
  store,  // out = x·Wᵀ
  add,    // out = x·Wᵀ + residual
  gated,  // out = activation(x·Gᵀ) * (x·Uᵀ): gate and up rows were interleaved by pack
};

/// One operand pair of a product: a [m, k] row-major, b a packed [n, k] matrix.
struct Operand {
  const void* a = nullptr;
  std::int64_t lda = 0, k = 0;
  const void* b = nullptr;
};

/// Columns [begin, end) of a low-rank operand, outside of which it is 0.
struct ColumnRange {
  std::int64_t begin = 0, end = 0;
  bool operator==(const ColumnRange&) const = default;
};

struct GemmArgs {
  // Activations f32 with weights f32 or bf16 give f32; activations bf16 need weights bf16 and give
  // bf16 or f32.
  Storage in = Storage::f32, weights = Storage::f32, out_storage = Storage::f32;
  Epilogue epilogue = Epilogue::store;
  Activation activation = Activation::silu;
  // An optional low-rank pair (LoRA), float32 whatever `in` and `weights` are, then main are summed
  // into the same accumulators; k = 0 means none.
  Operand low_rank, main;
  // The columns of low_rank.b that are not 0, of the first and the second half of each panel; null:
  // all.
  const ColumnRange* low_rank_columns = nullptr;
  void* out = nullptr;
  const void* residual = nullptr;  // same layout and storage as out
  // Added to every row of the product before anything else, float32 [n]; a gated pair's has 2n,
  // gate first. Null: none.
  const float* bias = nullptr;
  // gated only: where not null, the two products [rows, 2n] before the activation, gate columns
  // first.
  void* pair = nullptr;
  std::int64_t ldo = 0;
  std::int64_t n = 0;  // output columns
};

struct AttendArgs {
  Storage storage = Storage::f32;
  const void* q = nullptr;  // [T, heads, d]
  const void* k = nullptr;  // [S, kv_heads, d]
  const void* v = nullptr;  // [S, kv_heads, d]
  std::int64_t heads = 0, kv_heads = 0, d = 0;
  float scale = 1;
  float cap = 0;  // of ScoreRule
  // Running softmax of each query and head: maximum, sum [T, heads] and unnormalised output [T,
  // heads, d], which is not read where the maximum is still -inf.
  float* row_max = nullptr;
  float* row_sum = nullptr;
  float* acc = nullptr;
};

/// Queries [q_begin, q_end) of a span and the keys they may see.
struct AttendTile {
  std::int64_t q_begin = 0, q_end = 0;
  std::int64_t k_begin = 0, k_count = 0;
  // The first query of the tile sees keys [k_begin, k_begin + visible); each later one sees one key
  // more, at most k_count. visible == k_count for a span that is not causal.
  std::int64_t visible = 0;
  bool causal = false;
  // The first query does not see the keys before window_start, each later one one key less.
  std::int64_t window_start = -(std::int64_t{1} << 40);
  std::int64_t kv_head = 0;
};

struct Kernels {
  const char* name;
  std::int64_t panel;  // output columns of one packed panel
  /// Elements (of the storage type) of a packed [n, k] matrix.
  std::int64_t (*packed_size)(Storage, std::int64_t n, std::int64_t k);
  /// Packs w [n, k] row-major into panels [begin, end). With `up` (same shape) gate and up columns
  /// alternate by half panels.
  void (*pack)(Storage, const void* w, const void* up, std::int64_t n, std::int64_t k,
               std::int64_t panel_begin, std::int64_t panel_end, void* packed);
  /// Rows [m_begin, m_end) × panels [panel_begin, panel_end) of the product.
  void (*gemm)(const GemmArgs&, std::int64_t m_begin, std::int64_t m_end, std::int64_t panel_begin,
               std::int64_t panel_end);
  /// out may be x.
  void (*rms_norm)(Storage, const void* x, const float* weight, float eps, std::int64_t rows,
                   std::int64_t columns, void* out);
  /// Rotates the query and key heads of qkv rows [rows, (heads + 2 kv_heads) d] and scatters: q to
  /// q_out [rows, heads, d], k and v to row kv_row[i] of the arenas [S, kv_heads, d]. cos_sin
  /// [positions, rotary]: rotary/2 cosines, then rotary/2 sines.
  void (*rope_scatter)(Storage, const RopeShape&, const void* qkv, const float* cos_sin,
                       const std::int64_t* position, const std::int64_t* kv_row, std::int64_t rows,
                       void* q_out, void* k_arena, void* v_arena);
  void (*attend)(const AttendArgs&, const AttendTile&);
  /// out [rows, heads*d] = acc / row_sum.
  void (*attend_finish)(const AttendArgs&, std::int64_t row_begin, std::int64_t row_end, void* out);
  /// log Σ exp of one row of float logits, accumulated in a fixed order.
  float (*log_sum_exp)(const float* row, std::int64_t n);
  /// Index of the first greatest value.
  std::int64_t (*argmax)(const float* row, std::int64_t n);
};

const Kernels& kernels_baseline();
const Kernels& kernels_avx2();
const Kernels& kernels_avx512();
const Kernels& kernels_avx512bf16();

/// The best set this processor runs; TRADEOFF_CPU_KERNELS=baseline|avx2|avx512|avx512bf16 asks for
/// a lesser one.
const Kernels& select_kernels();

}  // namespace tradeoff::model::cpu
