#pragma once
#include <map>
#include <span>
#include <string>

#include "tradeoff/stats/score_table.hpp"

namespace tradeoff::stats {

/// The items of each label as scores of their own, clusters renumbered. `labels` has an entry per
/// row of the table that `scores` came from; `what` names them in the error when it has not.
std::map<std::string, ItemScores> split_by(const ItemScores& scores,
                                           std::span<const std::string> labels, std::size_t rows,
                                           const char* what);

}  // namespace tradeoff::stats
