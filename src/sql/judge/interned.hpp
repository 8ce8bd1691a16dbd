#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tradeoff/sql/sandbox/value.hpp"

namespace tradeoff::sql {

/// A table of small numbers: equal values have equal numbers.
struct Grid {
  std::size_t width = 0, height = 0;
  std::vector<std::uint32_t> cells;

  std::span<const std::uint32_t> row(std::size_t i) const {
    return std::span(cells).subspan(i * width, width);
  }
  std::uint32_t at(std::size_t row, std::size_t column) const {
    return cells[row * width + column];
  }
  std::vector<std::span<const std::uint32_t>> rows() const;
};

/// Both results over one numbering, which follows the order of the values (less_value).
std::pair<Grid, Grid> intern(const Rows& a, const Rows& b);

/// Mixes 64 bits so that sums of mixed words tell bags apart.
std::uint64_t mix(std::uint64_t word);

}  // namespace tradeoff::sql
