#pragma once
#include <cstdint>
#include <vector>

#include "interned.hpp"

namespace tradeoff::sql {

/// True when the columns of `b`, each a list of values, are those of `a` in some order.
bool columns_are_a_permutation(const Grid& a, const Grid& b);

/// Looks for an order of `b`'s columns that makes its rows the bag of `a`'s rows. Columns are
/// placed one by one; after each, the bags of row beginnings must agree, and of equal columns only
/// one is tried, so that ties cost nothing. Both grids have the same width and height.
class ColumnSearch {
 public:
  /// Gives up (not found) after touching `budget` cells.
  ColumnSearch(const Grid& a, const Grid& b, std::size_t budget);
  bool found();

 private:
  bool place(std::size_t depth);
  bool try_column(std::size_t depth, std::size_t column);
  bool exact() const;

  const Grid& a_;
  const Grid& b_;
  std::size_t budget_;
  // Columns of a_, the most telling first, and for each the columns of b_ with the same bag of
  // values.
  std::vector<std::size_t> order_;
  std::vector<std::vector<std::size_t>> candidates_;
  // Equal columns of b_ have equal numbers.
  std::vector<std::size_t> twin_;
  std::vector<bool> used_;
  std::vector<std::size_t> chosen_;
  // Hash of each row's beginning, per depth.
  std::vector<std::vector<std::uint64_t>> a_prefix_, b_prefix_;
};

/// The most cells that the rows of `a` and `b` (sorted bags, in sorted order) share when each row
/// of one is paired with at most one of the other: equal bags first, then greedily by shared cells.
double shared_cells(const std::vector<std::vector<std::uint32_t>>& a,
                    const std::vector<std::vector<std::uint32_t>>& b, std::size_t width);

}  // namespace tradeoff::sql
