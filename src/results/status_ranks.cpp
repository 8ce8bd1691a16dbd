#include "status_ranks.hpp"

#include <algorithm>
#include <tuple>

#include "tradeoff/base/heartbeat.hpp"

namespace tradeoff::results {

std::vector<RankStatus> read_ranks(const std::filesystem::path& folder, std::int64_t now) {
  std::vector<RankStatus> ranks;
  for (const Heartbeat& beat : read_heartbeats(folder)) {
    // Clocks of hosts may differ a little.
    const double age = std::max(0.0, static_cast<double>(now) - beat.time);
    ranks.push_back({beat.host, beat.doing, beat.rank, beat.ranks, age});
  }
  const auto place = [](const RankStatus& rank) { return std::tie(rank.host, rank.rank); };
  std::ranges::sort(ranks, [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return ranks;
}

}  // namespace tradeoff::results
