#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "figures.hpp"
#include "svg.hpp"

namespace tradeoff::report {
namespace {

std::vector<double> numbers(const store::Table& table, const std::string& name) {
  const store::Column& column = table.at(name);
  if (const auto* ints = std::get_if<store::Ints>(&column)) return {ints->begin(), ints->end()};
  return table.at<store::Doubles>(name);
}

}  // namespace

std::string loss_figure(const Study& study, const Analysis& analysis) {
  struct Curve {
    std::string arm;
    std::uint64_t seed;
    std::vector<double> step, loss;
  };
  std::vector<Curve> curves;
  std::vector<double> steps, losses = {0};
  for (const auto& [cell, table] : study.predictions.training) {
    if (!table.has("step") || !table.has("loss") || table.rows() == 0) continue;
    Curve curve{cell.first, cell.second, numbers(table, "step"), numbers(table, "loss")};
    steps.push_back(*std::ranges::max_element(curve.step));
    for (const double loss : curve.loss) {
      if (std::isfinite(loss)) losses.push_back(loss);
    }
    curves.push_back(std::move(curve));
  }
  if (curves.empty()) return "";
  constexpr double kHeight = 240;
  constexpr Frame kFrame{44, kFigureWidth - 10, 8, kHeight - 38};
  Svg svg(kFigureWidth, kHeight, "Training loss",
          "Loss of every optimizer step; a line for each arm and seed.");
  const Scale x{0, std::max(1.0, *std::ranges::max_element(steps)), kFrame.left, kFrame.right};
  Scale y = scale_around(losses, kFrame.bottom, kFrame.top);
  y.low = 0;
  draw_axes(svg, kFrame, x, y, "optimizer step", "loss");
  for (const Curve& curve : curves) {
    std::vector<std::array<double, 2>> line;
    for (std::size_t i = 0; i < curve.step.size(); ++i) {
      if (std::isfinite(curve.loss[i])) line.push_back({x.at(curve.step[i]), y.at(curve.loss[i])});
    }
    if (line.empty()) continue;
    svg.path(
        line, false, "curve " + arm_class(analysis, curve.arm),
        fmt::format("{}, seed {}: last loss {:.4f}", curve.arm, curve.seed, curve.loss.back()));
  }
  return svg.finish();
}

}  // namespace tradeoff::report
