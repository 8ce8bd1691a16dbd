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
  constexpr double kWidth = 680, kHeight = 460, kLeft = 64, kRight = 16, kTop = 16, kBottom = 56;
  Svg svg(
      kWidth, kHeight, "The trade-off plane",
      fmt::format("Change of {} accuracy across, change of {} accuracy up, in points, with joint "
                  "95 % regions.",
                  gain, loss));
  const Scale x = scale_around(xs, kLeft, kWidth - kRight);
  const Scale y = scale_around(ys, kHeight - kBottom, kTop);
  const auto x_ticks = ticks(x, 8), y_ticks = ticks(y, 6);
  for (const double t : x_ticks) {
    svg.line(x.at(t), kTop, x.at(t), kHeight - kBottom, "rule");
    svg.text(x.at(t), kHeight - kBottom + 18, tick_text(t, x_ticks), "tick", "middle");
  }
  for (const double t : y_ticks) {
    svg.line(kLeft, y.at(t), kWidth - kRight, y.at(t), "rule");
    svg.text(kLeft - 8, y.at(t) + 4, tick_text(t, y_ticks), "tick", "end");
  }
  svg.line(x.at(0), kTop, x.at(0), kHeight - kBottom, "zero");
  svg.line(kLeft, y.at(0), kWidth - kRight, y.at(0), "zero");
  svg.text(kWidth - kRight - 6, kTop + 16, "gains on both", "hint", "end");
  svg.text(kWidth - kRight - 6, kHeight - kBottom - 8, fmt::format("buys {}, costs {}", gain, loss),
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
    svg.circle(x.at(100 * t.x.delta), y.at(100 * t.y.delta), 5, "dot " + style, tip);
  }
  for (const ArmTradeoff& row : analysis.tradeoffs) {
    if (!row.result.tradeoff) continue;
    const stats::Tradeoff& t = *row.result.tradeoff;
    const bool right = x.at(100 * t.x.delta) > kWidth - 160;
    svg.text(x.at(100 * t.x.delta) + (right ? -9 : 9), y.at(100 * t.y.delta) - 8, row.arm, "label",
             right ? "end" : "start");
  }
  svg.circle(x.at(0), y.at(0), 4, "origin", analysis.reference);
  svg.text((kLeft + kWidth - kRight) / 2, kHeight - 12,
           fmt::format("{} accuracy against {}, points", gain, analysis.reference), "axis",
           "middle");
  svg.vertical_text(16, (kTop + kHeight - kBottom) / 2,
                    fmt::format("{} accuracy against {}, points", loss, analysis.reference),
                    "axis");
  return svg.finish();
}

}  // namespace tradeoff::report
