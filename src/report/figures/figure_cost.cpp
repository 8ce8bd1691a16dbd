#include <fmt/format.h>

#include <algorithm>

#include "analysis/words.hpp"
#include "figures.hpp"
#include "svg.hpp"

namespace tradeoff::report {
namespace {

struct CostPoint {
  std::string arm;
  double hours = 0;  // a seed
  double gain = 0;   // points, against the reference
  std::optional<stats::Interval> interval;
};

std::vector<CostPoint> cost_points(const Analysis& analysis, const std::string& task) {
  std::vector<CostPoint> found;
  for (const ArmLedger& cost : analysis.costs) {
    CostPoint point{cost.arm, cost.device_hours / static_cast<double>(cost.cells), 0, {}};
    if (cost.arm != analysis.reference) {
      const stats::PairSummary* pair = analysis.pair_of(analysis.reference, cost.arm, task);
      if (!pair || !pair->delta.mean) continue;
      point.gain = 100 * *pair->delta.mean;
      if (const auto told = told_interval(analysis, *pair)) point.interval = told->interval;
    }
    found.push_back(point);
  }
  std::ranges::stable_sort(found, {},
                           [](const CostPoint& p) { return std::pair(p.hours, -p.gain); });
  return found;
}

}  // namespace

std::string cost_figure(const Analysis& analysis, const std::string& task) {
  const std::vector<CostPoint> points = cost_points(analysis, task);
  const bool has_reference =
      std::ranges::find(points, analysis.reference, &CostPoint::arm) != points.end();
  if (points.size() < 2 || !has_reference) return "";
  std::vector<double> ends = {0};
  for (const CostPoint& point : points) {
    ends.push_back(point.gain);
    if (!point.interval) continue;
    ends.push_back(100 * point.interval->low);
    ends.push_back(100 * point.interval->high);
  }
  constexpr double kHeight = 290;
  constexpr Frame kFrame{44, kFigureWidth - 20, 10, kHeight - 38};
  Svg svg(kFigureWidth, kHeight, task_title(task) + ": cost against gain",
          fmt::format("Device hours of a seed across, the difference from {} in points up; the "
                      "line joins the arms that no cheaper one equals.",
                      analysis.reference));
  const Scale x{0, points.back().hours > 0 ? points.back().hours * 1.05 : 1, kFrame.left,
                kFrame.right};
  const Scale y = scale_around(ends, kFrame.bottom, kFrame.top);
  draw_axes(svg, kFrame, x, y, "device hours a seed, training and predicting",
            fmt::format("{} against {}, points", task_title(task), analysis.reference));
  svg.line(kFrame.left, y.at(0), kFrame.right, y.at(0), "zero");
  std::vector<std::array<double, 2>> frontier;
  double best = 0;
  for (const CostPoint& point : points) {
    if (!frontier.empty() && point.gain <= best) continue;
    if (!frontier.empty()) frontier.push_back({x.at(point.hours), frontier.back()[1]});
    best = point.gain;
    frontier.push_back({x.at(point.hours), y.at(best)});
  }
  svg.path(frontier, false, "frontier");
  PointNames names(svg, kFrame);
  for (const CostPoint& point : points) {
    const std::string style = arm_class(analysis, point.arm);
    const double at = x.at(point.hours);
    if (point.interval)
      svg.line(at, y.at(100 * point.interval->low), at, y.at(100 * point.interval->high),
               "soft " + style);
    svg.circle(at, y.at(point.gain), 3.5, "dot " + style,
               fmt::format("{}: {:.3f} device hours a seed, {:+.1f} points", point.arm, point.hours,
                           point.gain));
    names.add(at, y.at(point.gain), point.arm);
  }
  return svg.finish();
}

}  // namespace tradeoff::report
