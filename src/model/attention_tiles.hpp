#pragma once
#include <cstdint>
#include <vector>

#include "cpu/kernels.hpp"
#include "tradeoff/model/attention.hpp"

namespace tradeoff::model {

/// The level's queries cut into the tiles of one CPU task each, in order.
std::vector<cpu::AttendTile> attention_tiles(const SpanLevel& level, std::int64_t heads_a_group);

}  // namespace tradeoff::model
