#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "study_data.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/study/options.hpp"

namespace tradeoff::study {

/// What there is to do, cell by cell, as study.json keeps it for those who look at the folder
/// meanwhile (results/status.hpp).
Json cell_plan(const StudyOptions& options, const StudyData& data);

/// Indices of `cells`: those that train first, the longest training before all, so that what is
/// begun last is short.
std::vector<std::size_t> longest_first(const StudyOptions& options, std::span<const Cell> cells);

}  // namespace tradeoff::study
