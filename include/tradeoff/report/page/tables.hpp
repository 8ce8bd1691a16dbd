#pragma once
#include <string>

#include "tradeoff/report/analysis/analysis.hpp"

namespace tradeoff::report {

/// report.md: the head line, accuracies with their intervals, pairs, the trade-off, errors
/// and cost, in Markdown that reads as well on a terminal.
std::string markdown(const Study& study, const Analysis& analysis);

/// What `run` ends with: its head lines and warnings.
std::string summary(const Study& study, const Analysis& analysis);

/// report.json: study, arms, pairs, cost; then what else the page shows.
Json report_json(const Study& study, const Analysis& analysis);

/// report.html: one file that needs no network.
std::string html(const Study& study, const Analysis& analysis);

}  // namespace tradeoff::report
