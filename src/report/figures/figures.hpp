#pragma once
#include <string>

#include "tradeoff/report/analysis/analysis.hpp"

/// The page's drawings; "" where the study has nothing to draw.
namespace tradeoff::report {

std::string tradeoff_figure(const Analysis& analysis);  // Δexec against ΔMMLU, joint regions
std::string forest_figure(const Analysis& analysis);    // paired differences
std::string group_figure(const Analysis& analysis, const Grouping& grouping);
std::string seeds_figure(const Analysis& analysis, const std::string& task);
std::string loss_figure(const Study& study, const Analysis& analysis);
/// Classes of wrong answers by arm, of a task of kind sql.
std::string error_figure(const Analysis& analysis, const std::string& task);
/// A coloured dot and a name for each arm.
std::string legend(const Analysis& analysis);

/// Class of an arm's colour, "arm0" to "arm5", the reference first.
std::string arm_class(const Analysis& analysis, const std::string& arm);

}  // namespace tradeoff::report
