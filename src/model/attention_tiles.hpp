#pragma once
#include <cstdint>
#include <vector>

#include "cpu/kernels.hpp"
#include "tradeoff/model/attention.hpp"

namespace tradeoff::model {

/// The level's queries cut into tiles of at most `queries` each, span by span, in order.
std::vector<cpu::AttendTile> attention_tiles(const SpanLevel& level, std::int64_t queries);

}  // namespace tradeoff::model
