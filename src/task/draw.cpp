#include "tradeoff/task/draw.hpp"

#include <algorithm>

#include "tradeoff/base/seed.hpp"

namespace tradeoff::task {

std::vector<std::size_t> first_of_draw(std::size_t size, std::size_t count, std::uint64_t seed,
                                       std::string_view name) {
  SeedStream stream(seed, name);
  std::vector<std::size_t> drawn = sample_without_replacement(size, count, stream);
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

std::vector<std::size_t> even_shares(std::size_t count, std::size_t groups) {
  std::vector<std::size_t> shares(groups, 0);
  for (std::size_t g = 0; g < groups; ++g) shares[g] = count / groups + (g < count % groups);
  return shares;
}

}  // namespace tradeoff::task
