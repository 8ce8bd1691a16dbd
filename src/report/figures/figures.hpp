#pragma once
#include <string>

#include "tradeoff/report/analysis/analysis.hpp"

/// The page's drawings; "" where the study has nothing to draw.
namespace tradeoff::report {

std::string tradeoff_figure(const Analysis& analysis);  // gain against cost, joint regions
std::string forest_figure(const Analysis& analysis);    // paired differences
std::string group_figure(const Analysis& analysis, const Grouping& grouping);
/// Every label a row, every arm a column: accuracy, then the difference from the reference; the
/// labels that the last arm won most on first.
std::string heat_figure(const Analysis& analysis, const Grouping& grouping);
/// Accuracy by optimizer steps; "" where no two trained arms differ in them.
std::string steps_figure(const Study& study, const Analysis& analysis, const std::string& task);
/// Gain over the reference by device hours, and its frontier.
std::string cost_figure(const Analysis& analysis, const std::string& task);
std::string seeds_figure(const Analysis& analysis, const std::string& task);
std::string loss_figure(const Study& study, const Analysis& analysis);
/// Classes of wrong answers by arm, of a task of kind sql.
std::string error_figure(const Analysis& analysis, const std::string& task);
/// A coloured dot and a name for each arm.
std::string legend(const Analysis& analysis);

/// Class of an arm's colour, "arm0" to "arm5", the reference first.
std::string arm_class(const Analysis& analysis, const std::string& arm);

}  // namespace tradeoff::report
