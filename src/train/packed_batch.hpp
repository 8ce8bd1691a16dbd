#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tradeoff/model/attention.hpp"
#include "tradeoff/train/sample.hpp"

namespace tradeoff::train {

/// A shorter common run of tokens is computed by each sample: an attention level costs more than it
/// saves.
inline constexpr std::int64_t kMinSharedRun = 32;

/// The samples of one forward pass, packed: T tokens in runs, each after the run that it continues,
/// a run that samples share standing there once. E targets are predicted, from R rows.
struct PackedBatch {
  at::Tensor ids;         // int64 [T]
  at::Tensor position;    // int64 [T]: position within the token's own sample
  at::Tensor row;         // int64 [T]: 0, 1, ...; where keys and values go
  at::Tensor sample;      // int64 [T]: number of the draw whose dropout the token has
  at::Tensor out_rows;    // int64 [R], rising: the rows that predict something
  at::Tensor target_row;  // int64 [E]: which of out_rows predicts the target
  at::Tensor targets;     // int64 [E]: token ids
  // Of each target, the place of its sample in `members`.
  std::vector<std::size_t> target_member;
  std::int64_t max_position = 0;
  // True where several targets are predicted from one row.
  bool rows_repeat = false;
  model::AttentionPattern pattern;

  std::int64_t tokens() const { return ids.size(0); }
};

/// `members` in lexicographic order of their inputs, `numbers` those of their draws. Attention
/// stays inside each sample.
PackedBatch pack(std::span<const Sample* const> members, std::span<const std::int64_t> numbers,
                 bool share_prefix, c10::Device device);

}  // namespace tradeoff::train
