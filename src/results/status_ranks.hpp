#pragma once
#include <filesystem>
#include <vector>

#include "tradeoff/results/status.hpp"

namespace tradeoff::results {

/// The heartbeats of `folder`, by host and rank; none where there are none. `now`: Unix seconds.
std::vector<RankStatus> read_ranks(const std::filesystem::path& folder, std::int64_t now);

}  // namespace tradeoff::results
