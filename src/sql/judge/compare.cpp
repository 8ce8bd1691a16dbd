#include "tradeoff/sql/judge/compare.hpp"

#include <algorithm>

#include "column_search.hpp"
#include "interned.hpp"

namespace tradeoff::sql {
namespace {

using RowSpan = std::span<const std::uint32_t>;

bool less_row(RowSpan a, RowSpan b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

bool same_row(RowSpan a, RowSpan b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::vector<RowSpan> sorted_rows(const Grid& grid) {
  auto rows = grid.rows();
  std::sort(rows.begin(), rows.end(), less_row);
  return rows;
}

std::vector<RowSpan> distinct_rows(const Grid& grid) {
  auto rows = sorted_rows(grid);
  rows.erase(std::unique(rows.begin(), rows.end(), same_row), rows.end());
  return rows;
}

bool same_rows(const std::vector<RowSpan>& a, const std::vector<RowSpan>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_row);
}

}  // namespace

bool equal_as_sets(const Rows& gold, const Rows& prediction) {
  if (gold.empty() || prediction.empty()) return gold.empty() && prediction.empty();
  if (gold.width() != prediction.width()) return false;
  const auto [a, b] = intern(gold, prediction);
  return same_rows(distinct_rows(a), distinct_rows(b));
}

bool equal_strictly(const Rows& gold, const Rows& prediction, RowOrder order) {
  if (gold.size() != prediction.size()) return false;
  if (gold.empty()) return true;
  if (gold.width() != prediction.width()) return false;
  const auto a = gold.cells(), b = prediction.cells();
  if (std::equal(a.begin(), a.end(), b.begin(), b.end())) return true;
  if (order == RowOrder::fixed) return false;
  const auto [x, y] = intern(gold, prediction);
  return same_rows(sorted_rows(x), sorted_rows(y));
}

bool equal_up_to_columns(const Rows& gold, const Rows& prediction, RowOrder order) {
  if (equal_strictly(gold, prediction, order)) return true;
  if (gold.size() != prediction.size() || gold.width() != prediction.width() || gold.width() == 1)
    return false;
  const auto [a, b] = intern(gold, prediction);
  return order == RowOrder::fixed ? columns_are_a_permutation(a, b)
                                  : ColumnSearch(a, b, kMaxSearchCells).found();
}

double soft_f1(const Rows& gold, const Rows& prediction) {
  if (gold.empty() && prediction.empty()) return 1;
  if (gold.empty() || prediction.empty()) return 0;
  const auto [gold_grid, predicted_grid] = intern(gold, prediction);
  // Cells of a row as a sorted bag; which columns they stand in does not count.
  const auto bags = [](const Grid& grid) {
    std::vector<std::vector<std::uint32_t>> all;
    for (const RowSpan row : distinct_rows(grid)) {
      all.emplace_back(row.begin(), row.end());
      std::sort(all.back().begin(), all.back().end());
    }
    std::sort(all.begin(), all.end());
    return all;
  };
  const auto a = bags(gold_grid), b = bags(predicted_grid);
  const double shared = shared_cells(a, b, gold_grid.width);
  const double gold_cells = static_cast<double>(a.size() * gold_grid.width);
  // Unpaired rows count 1 a row (BIRD), pairs count by cells over the gold's columns.
  const double pairs = static_cast<double>(std::min(a.size(), b.size()));
  const double width = static_cast<double>(gold_grid.width);
  const double hits = shared / width;
  const double missed = (pairs * width - shared) / width + (static_cast<double>(a.size()) - pairs);
  const double wrong = (pairs * static_cast<double>(predicted_grid.width) - shared) / width +
                       (static_cast<double>(b.size()) - pairs);
  if (gold_cells == 0 || hits == 0) return 0;
  return 2 * hits / (2 * hits + missed + wrong);
}

}  // namespace tradeoff::sql
