#include "interned.hpp"

#include <algorithm>
#include <unordered_map>

namespace tradeoff::sql {
namespace {

struct Hash {
  std::size_t operator()(const Value* value) const { return hash_value(*value); }
};
struct Equal {
  bool operator()(const Value* a, const Value* b) const { return *a == *b; }
};

}  // namespace

std::vector<std::span<const std::uint32_t>> Grid::rows() const {
  std::vector<std::span<const std::uint32_t>> all;
  all.reserve(height);
  for (std::size_t i = 0; i < height; ++i) all.push_back(row(i));
  return all;
}

std::pair<Grid, Grid> intern(const Rows& a, const Rows& b) {
  std::unordered_map<const Value*, std::uint32_t, Hash, Equal> numbers;
  std::vector<const Value*> distinct;
  const auto number = [&](const Rows& rows) {
    Grid grid{rows.width(), rows.size(), {}};
    grid.cells.reserve(rows.cells().size());
    for (const Value& value : rows.cells()) {
      const auto [at, fresh] =
          numbers.try_emplace(&value, static_cast<std::uint32_t>(distinct.size()));
      if (fresh) distinct.push_back(&value);
      grid.cells.push_back(at->second);
    }
    return grid;
  };
  std::pair<Grid, Grid> grids{number(a), number(b)};
  // Renumber by value, so that what depends on the numbers does not depend on the order of the
  // rows.
  std::vector<std::uint32_t> order(distinct.size()), rank(distinct.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::uint32_t x, std::uint32_t y) {
    return less_value(*distinct[x], *distinct[y]);
  });
  for (std::uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
  for (Grid* grid : {&grids.first, &grids.second})
    for (std::uint32_t& cell : grid->cells) cell = rank[cell];
  return grids;
}

std::uint64_t mix(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ULL;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebULL;
  return word ^ (word >> 31);
}

}  // namespace tradeoff::sql
