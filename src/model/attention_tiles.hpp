#pragma once
#include <cstdint>
#include <vector>

#include "cpu/kernels.hpp"
#include "tradeoff/model/attention.hpp"

namespace tradeoff::model {

/// The level's queries cut into tiles of at most `queries` each, span by span, in order.
std::vector<cpu::AttendTile> attention_tiles(const SpanLevel& level, std::int64_t queries);

/// Whether the flash kernels take these: half precision, head widths that are multiples of 8 up to
/// 256, neither a score cap nor a window that hides keys.
bool takes_flash(const at::Tensor& q, const AttentionPattern& pattern, const ScoreRule& rule);

}  // namespace tradeoff::model
