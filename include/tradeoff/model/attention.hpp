#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "tradeoff/model/switches.hpp"

namespace tradeoff::model {

/// Of Span::window_start: every key is seen from the first on.
inline constexpr std::int64_t kNoWindow = -(std::int64_t{1} << 40);

/// Queries [q_begin, q_begin + q_count) see the keys [k_begin, k_begin + k_count) of the arena,
/// which are neighbours in a text.
struct Span {
  std::int64_t q_begin = 0, q_count = 0, k_begin = 0, k_count = 0;
  // The first key's position in its text.
  std::int64_t k_position = 0;
  // Query i does not see the keys before window_start + i.
  std::int64_t window_start = kNoWindow;
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
  /// `device` decides where the offsets live; `positions` of the queries in their texts are needed
  /// by `within` alone. Throws Error when spans of a level overlap or leave [0, queries).
  AttentionPattern(std::vector<SpanLevel> levels, std::int64_t queries, c10::Device device,
                   std::vector<std::int64_t> positions = {});
  /// The pattern of a sliding window: of its keys a query at position p keeps those at positions
  /// above p - window. This pattern itself where that hides nothing, or window is 0. Made at the
  /// first call for a window, which one thread makes.
  const AttentionPattern& within(std::int64_t window) const;
  /// True where a span hides keys by window_start.
  bool windowed() const { return windowed_; }
  const std::vector<SpanLevel>& levels() const { return levels_; }
  std::int64_t queries() const { return queries_; }

  /// Offsets of one level for the variable-length kernels (CUDA): int32 tensors.
  struct Offsets {
    at::Tensor cu_q;     // [spans + 1], spans that cover all queries; gaps are spans without keys
    at::Tensor k_begin;  // [spans + 1]
    at::Tensor k_count;  // [spans]
    at::Tensor window_start;  // [spans]
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
  void cut(const Span& span, bool causal, std::int64_t window, std::vector<Span>& to) const;

  std::vector<SpanLevel> levels_;
  std::int64_t queries_ = 0;
  c10::Device device_;
  std::vector<std::int64_t> positions_;
  bool windowed_ = false;
  std::vector<Offsets> offsets_;
  mutable std::vector<Rows> rows_;
  mutable std::map<std::int64_t, std::shared_ptr<const AttentionPattern>> within_;
};

/// softmax(rule(q kᵀ)) v over the keys each query sees. q [T, H, d]; k, v [S, G, d], H a multiple
/// of G; → [T, H·d]. `lse`, where given, becomes what attend_backward needs: the log of each
/// softmax's denominator, float32, [T, H] on the CPU, [H, T] on CUDA.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const AttentionPattern& pattern, const ScoreRule& rule,
                  at::Tensor* lse = nullptr);

struct AttentionGrads {
  // Of the shapes of q, k, v; rows of k and v that nobody sees are 0. float32; on CUDA in their own
  // dtype where nothing had to be added up.
  at::Tensor q, k, v;
};
/// Gradients of attend for dout [T, H·d], given its inputs and results. Every query must see a key,
/// and the spans of a level must have no keys in common.
AttentionGrads attend_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                               const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse,
                               const AttentionPattern& pattern, const ScoreRule& rule);

}  // namespace tradeoff::model
