#include <fmt/format.h>

#include <algorithm>

#include "analysis/words.hpp"
#include "figures.hpp"
#include "grids/grid.hpp"
#include "svg.hpp"

namespace tradeoff::report {

std::string arm_class(const Analysis& analysis, const std::string& arm) {
  const auto found = std::ranges::find(analysis.arms, arm);
  return fmt::format("arm{}", (found - analysis.arms.begin()) % 6);
}

std::string legend(const Analysis& analysis) {
  std::string html = "<p class=\"legend\">";
  for (const std::string& arm : analysis.arms) {
    html += fmt::format("<span><i class=\"{}\"></i>{}</span> ", arm_class(analysis, arm),
                        escape_html(arm));
  }
  return html + "</p>\n";
}

std::string tradeoff_figure(const Analysis& analysis) {
  const std::string gain = task_title(analysis.first_of(task::Kind::sql));
  const std::string loss = task_title(analysis.first_of(task::Kind::choice));
  std::vector<double> xs = {0}, ys = {0};
  for (const ArmTradeoff& row : analysis.tradeoffs) {
    if (!row.result.tradeoff) continue;
    for (const auto& [x, y] : row.result.tradeoff->boundary()) {
      xs.push_back(100 * x);
      ys.push_back(100 * y);
    }
  }
  if (xs.size() == 1) return "";
  constexpr double kHeight = 330;
  constexpr Frame kFrame{44, kFigureWidth - 8, 10, kHeight - 38};
  Svg svg(
      kFigureWidth, kHeight, "The trade-off plane",
      fmt::format("Change of {} accuracy across, change of {} accuracy up, in points, with joint "
                  "95 % regions.",
                  gain, loss));
  const Scale x = scale_around(xs, kFrame.left, kFrame.right);
  const Scale y = scale_around(ys, kFrame.bottom, kFrame.top);
  draw_axes(svg, kFrame, x, y, fmt::format("{} against {}, points", gain, analysis.reference),
            fmt::format("{} against {}, points", loss, analysis.reference));
  svg.line(x.at(0), kFrame.top, x.at(0), kFrame.bottom, "zero");
  svg.line(kFrame.left, y.at(0), kFrame.right, y.at(0), "zero");
  svg.text(kFrame.right - 4, kFrame.top + 13, "gains on both", "hint", "end");
  svg.text(kFrame.right - 4, kFrame.bottom - 6, fmt::format("buys {}, costs {}", gain, loss),
           "hint", "end");
  for (const ArmTradeoff& row : analysis.tradeoffs) {
    if (!row.result.tradeoff) continue;
    const stats::Tradeoff& t = *row.result.tradeoff;
    const std::string style = arm_class(analysis, row.arm);
    std::vector<std::array<double, 2>> edge;
    for (const auto& [dx, dy] : t.boundary()) edge.push_back({x.at(100 * dx), y.at(100 * dy)});
    const std::string tip = fmt::format("{}: {} {}, {} {} points", row.arm, gain, points(t.x.delta),
                                        loss, points(t.y.delta));
    svg.path(edge, true, "region " + style, tip);
    svg.circle(x.at(100 * t.x.delta), y.at(100 * t.y.delta), 3.5, "dot " + style, tip);
  }
  PointNames names(svg, kFrame);
  for (const ArmTradeoff& row : analysis.tradeoffs) {
    if (!row.result.tradeoff) continue;
    const stats::Tradeoff& t = *row.result.tradeoff;
    names.add(x.at(100 * t.x.delta), y.at(100 * t.y.delta), row.arm);
  }
  svg.circle(x.at(0), y.at(0), 3, "origin", analysis.reference);
  return svg.finish();
}

}  // namespace tradeoff::report
