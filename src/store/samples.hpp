#pragma once
#include <vector>

#include "tradeoff/store/predictions_file.hpp"

namespace tradeoff::store {

/// The table of a sampled run as it is stored: item by item, samples within, column `sample` after
/// `item`.
Table join_samples(const Run& run);
/// Its inverse: the tables of samples 0, 1, ... Throws Error naming the first row that is not in
/// its place.
std::vector<Table> split_samples(const Table& stored);

}  // namespace tradeoff::store
