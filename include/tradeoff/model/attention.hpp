#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace tradeoff::model {

/// Queries [q_begin, q_begin + q_count) see the keys [k_begin, k_begin + k_count) of the arena.
struct Span {
  std::int64_t q_begin = 0, q_count = 0, k_begin = 0, k_count = 0;
};

/// Spans whose query ranges are disjoint and increasing, computed together. In a causal level query
/// i of a span sees its first k_count - q_count + i + 1 keys.
struct SpanLevel {
  std::vector<Span> spans;
  bool causal = false;
};

/// What each of T queries sees: the union over levels, merged exactly by log-sum-exp. A query may
/// stand in any number of levels; the keys it sees in different levels must be different rows.
class AttentionPattern {
 public:
  /// `device` decides where the offsets live. Throws Error when spans of a level overlap or leave
  /// [0, queries).
  AttentionPattern(std::vector<SpanLevel> levels, std::int64_t queries, c10::Device device);
  const std::vector<SpanLevel>& levels() const { return levels_; }
  std::int64_t queries() const { return queries_; }

  /// Offsets of one level for the variable-length kernels (CUDA): int32 tensors.
  struct Offsets {
    at::Tensor cu_q;     // [spans + 1], spans that cover all queries; gaps are spans without keys
    at::Tensor k_begin;  // [spans + 1]
    at::Tensor k_count;  // [spans]
    std::int64_t max_q = 0, max_k = 0;
  };
  const std::vector<Offsets>& offsets() const { return offsets_; }

  /// The rows of one level's spans, one span after the other, for the backward kernels (CUDA).
  struct Rows {
    at::Tensor queries, keys;  // int64; undefined where they are all rows in order
    at::Tensor cu_q, cu_k;     // int32 [spans + 1]
    std::int64_t max_q = 0, max_k = 0;
  };
  /// Of every level, for an arena of `keys` rows, the same at every call; made at the first, which
  /// one thread makes.
  const std::vector<Rows>& rows(std::int64_t keys) const;

 private:
  std::vector<SpanLevel> levels_;
  std::int64_t queries_ = 0;
  c10::Device device_;
  std::vector<Offsets> offsets_;
  mutable std::vector<Rows> rows_;
};

/// softmax(scale · q kᵀ) v over the keys each query sees. q [T, H, d]; k, v [S, G, d], H a multiple
/// of G; → [T, H·d]. `lse`, where given, becomes what attend_backward needs: the log of each
/// softmax's denominator, float32, [T, H] on the CPU, [H, T] on CUDA.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const AttentionPattern& pattern, double scale, at::Tensor* lse = nullptr);

struct AttentionGrads {
  // Of the shapes of q, k, v; rows of k and v that nobody sees are 0. float32; on CUDA in their own
  // dtype where nothing had to be added up.
  at::Tensor q, k, v;
};
/// Gradients of attend for dout [T, H·d], given its inputs and results. Every query must see a key,
/// and the spans of a level must have no keys in common.
AttentionGrads attend_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                               const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                               const AttentionPattern& pattern, double scale);

}  // namespace tradeoff::model
