#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tradeoff/report/analysis/analysis.hpp"

namespace tradeoff::report {

/// 0.523 -> "52.3 %".
std::string percent(double fraction);
std::string percent(const std::optional<double>& fraction);  // "not estimable" where empty
/// 0.0123 -> "+1.2"; a margin or a size has no sign: "1.2".
std::string points(double fraction);
std::string size_points(double fraction);
/// The same with its unit: "1 point", "0.5 points".
std::string sized(double fraction);
/// Rounded as percent() does, so that one number has one rounding.
/// "+1.2 to +3.4" and "48.0 to 58.7".
std::string points(const stats::Interval& interval);
std::string percents(const stats::Interval& interval);
/// "0.012", "< 0.001".
std::string p_value(const std::optional<double>& p);
/// 1234567 -> "1,234,567".
std::string thousands(std::int64_t n);
/// 75 -> "75 s", 5400 -> "1.5 h".
std::string duration(double seconds);
/// "1 seed", "3 seeds"; plural: "query" -> "queries" where given.
std::string counted(std::uint64_t n, const std::string& word, const std::string& plural = "");

/// The interval that a difference is told with (MeanEstimate::told), and over what it varies, in
/// words.
struct ToldInterval {
  stats::Interval interval;
  std::string over;
};
std::optional<ToldInterval> told_interval(const Analysis& analysis, const stats::PairSummary& pair);

/// What accuracy means where queries are written: "execution accuracy".
std::string metric_words(results::Primary primary);

/// What the study found, a sentence an arm and task; the first are the page's head line.
std::vector<std::string> headline(const Analysis& analysis);
/// Arms with failed runs: how many, why, and the differences without them; part of headline().
std::vector<std::string> failed_lines(const Analysis& analysis);
/// What would settle what the study could not tell; a sentence a pair.
std::vector<std::string> what_would_settle(const Analysis& analysis);
/// Missing cells, and what the files' notes say.
std::vector<std::string> warnings(const Study& study);

}  // namespace tradeoff::report
