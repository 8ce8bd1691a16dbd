#include "column_search.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace tradeoff::sql {
namespace {

std::vector<std::uint32_t> column_of(const Grid& grid, std::size_t column) {
  std::vector<std::uint32_t> values(grid.height);
  for (std::size_t row = 0; row < grid.height; ++row) values[row] = grid.at(row, column);
  return values;
}

std::vector<std::vector<std::uint32_t>> columns_of(const Grid& grid) {
  std::vector<std::vector<std::uint32_t>> columns;
  for (std::size_t column = 0; column < grid.width; ++column)
    columns.push_back(column_of(grid, column));
  return columns;
}

std::uint64_t bag_hash(const std::vector<std::uint64_t>& prefixes) {
  std::uint64_t sum = 0;
  for (const std::uint64_t prefix : prefixes) sum += mix(prefix);
  return sum;
}

void extend(const std::vector<std::uint64_t>& before, const Grid& grid, std::size_t column,
            std::vector<std::uint64_t>& after) {
  after.resize(grid.height);
  for (std::size_t row = 0; row < grid.height; ++row)
    after[row] = mix(before[row] * 0x9e3779b97f4a7c15ULL + grid.at(row, column) + 1);
}

std::size_t overlap(const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
  std::size_t shared = 0, i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (a[i] == b[j]) {
      ++shared, ++i, ++j;
    } else if (a[i] < b[j]) {
      ++i;
    } else {
      ++j;
    }
  }
  return shared;
}

// Above this many pairs of unequal rows they are paired in sorted order instead of by overlap.
constexpr std::size_t kMaxPairs = 4'000'000;

}  // namespace

bool columns_are_a_permutation(const Grid& a, const Grid& b) {
  auto x = columns_of(a), y = columns_of(b);
  std::sort(x.begin(), x.end());
  std::sort(y.begin(), y.end());
  return x == y;
}

ColumnSearch::ColumnSearch(const Grid& a, const Grid& b, std::size_t budget)
    : a_(a), b_(b), budget_(budget), used_(b.width, false), chosen_(b.width) {
  const auto b_columns = columns_of(b);
  for (std::size_t j = 0; j < b.width; ++j)
    twin_.push_back(static_cast<std::size_t>(
        std::find(b_columns.begin(), b_columns.end(), b_columns[j]) - b_columns.begin()));
  auto a_bags = columns_of(a), b_bags = b_columns;
  for (auto* bags : {&a_bags, &b_bags})
    for (auto& bag : *bags) std::sort(bag.begin(), bag.end());
  std::vector<std::vector<std::size_t>> fitting(a.width);
  for (std::size_t i = 0; i < a.width; ++i)
    for (std::size_t j = 0; j < b.width; ++j)
      if (a_bags[i] == b_bags[j]) fitting[i].push_back(j);
  // Few candidates first, then many different values: a wrong choice shows early.
  std::vector<std::size_t> variety(a.width);
  for (std::size_t i = 0; i < a.width; ++i) {
    auto bag = a_bags[i];
    variety[i] = static_cast<std::size_t>(std::unique(bag.begin(), bag.end()) - bag.begin());
  }
  order_.resize(a.width);
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::stable_sort(order_.begin(), order_.end(), [&](std::size_t x, std::size_t y) {
    return std::tuple(fitting[x].size(), variety[y]) < std::tuple(fitting[y].size(), variety[x]);
  });
  for (const std::size_t column : order_) candidates_.push_back(std::move(fitting[column]));
  a_prefix_.assign(a.width + 1, std::vector<std::uint64_t>(a.height, 0));
  b_prefix_ = a_prefix_;
  for (std::size_t depth = 0; depth < a.width; ++depth)
    extend(a_prefix_[depth], a_, order_[depth], a_prefix_[depth + 1]);
}

bool ColumnSearch::found() {
  for (const auto& candidates : candidates_)
    if (candidates.empty()) return false;
  return place(0);
}

bool ColumnSearch::place(std::size_t depth) {
  if (depth == a_.width) return exact();
  std::vector<std::size_t> tried;
  for (const std::size_t column : candidates_[depth]) {
    if (used_[column] || std::find(tried.begin(), tried.end(), twin_[column]) != tried.end())
      continue;
    tried.push_back(twin_[column]);
    if (try_column(depth, column)) return true;
    if (budget_ == 0) return false;
  }
  return false;
}

bool ColumnSearch::try_column(std::size_t depth, std::size_t column) {
  budget_ -= std::min(budget_, b_.height);
  extend(b_prefix_[depth], b_, column, b_prefix_[depth + 1]);
  if (bag_hash(a_prefix_[depth + 1]) != bag_hash(b_prefix_[depth + 1])) return false;
  used_[column] = true;
  chosen_[depth] = column;
  const bool done = place(depth + 1);
  used_[column] = false;
  return done;
}

// The hashes only steer; the answer rests on the values.
bool ColumnSearch::exact() const {
  const auto rows = [](const Grid& grid, const std::vector<std::size_t>& columns) {
    std::vector<std::vector<std::uint32_t>> all(grid.height);
    for (std::size_t row = 0; row < grid.height; ++row)
      for (const std::size_t column : columns) all[row].push_back(grid.at(row, column));
    std::sort(all.begin(), all.end());
    return all;
  };
  return rows(a_, order_) == rows(b_, chosen_);
}

double shared_cells(const std::vector<std::vector<std::uint32_t>>& a,
                    const std::vector<std::vector<std::uint32_t>>& b, std::size_t width) {
  std::vector<std::size_t> left_a, left_b;
  std::size_t shared = 0, i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (j == b.size() || (i < a.size() && a[i] < b[j])) {
      left_a.push_back(i++);
    } else if (i == a.size() || b[j] < a[i]) {
      left_b.push_back(j++);
    } else {
      shared += width;
      ++i, ++j;
    }
  }
  struct Pair {
    std::size_t cells, a, b;
  };
  std::vector<Pair> pairs;
  if (left_a.size() * left_b.size() <= kMaxPairs) {
    for (const std::size_t x : left_a)
      for (const std::size_t y : left_b)
        if (const std::size_t cells = overlap(a[x], b[y])) pairs.push_back({cells, x, y});
    std::stable_sort(pairs.begin(), pairs.end(),
                     [](const Pair& x, const Pair& y) { return x.cells > y.cells; });
  } else {
    for (std::size_t k = 0; k < std::min(left_a.size(), left_b.size()); ++k)
      pairs.push_back({overlap(a[left_a[k]], b[left_b[k]]), left_a[k], left_b[k]});
  }
  std::vector<bool> used_a(a.size()), used_b(b.size());
  for (const Pair& pair : pairs) {
    if (used_a[pair.a] || used_b[pair.b]) continue;
    used_a[pair.a] = used_b[pair.b] = true;
    shared += pair.cells;
  }
  return static_cast<double>(shared);
}

}  // namespace tradeoff::sql
