#include "status_ranks.hpp"

#include <algorithm>
#include <tuple>

#include "tradeoff/base/error.hpp"

namespace tradeoff::study {
namespace {

namespace fs = std::filesystem;

RankStatus rank_of(const Json& beat, std::int64_t now) {
  RankStatus rank;
  rank.host = field<std::string>(beat, "host");
  rank.doing = field_or<std::string>(beat, "doing", "");
  rank.rank = field<int>(beat, "rank");
  rank.ranks = field<int>(beat, "ranks");
  // Clocks of hosts may differ a little.
  rank.age_s = std::max(0.0, static_cast<double>(now) - field<double>(beat, "time"));
  return rank;
}

}  // namespace

std::vector<RankStatus> read_ranks(const fs::path& folder, std::int64_t now) {
  std::vector<RankStatus> ranks;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (entry.path().extension() != ".json") continue;
    try {
      ranks.push_back(rank_of(read_json(entry.path()), now));
    } catch (const Error&) {
      // Being written, or gone since: the next look finds it.
    }
  }
  const auto place = [](const RankStatus& rank) { return std::tie(rank.host, rank.rank); };
  std::ranges::sort(ranks, [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return ranks;
}

}  // namespace tradeoff::study
