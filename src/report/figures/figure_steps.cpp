#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "analysis/words.hpp"
#include "figures.hpp"
#include "svg.hpp"

namespace tradeoff::report {
namespace {

struct StepsPoint {
  std::string arm;
  double steps = 0;
  const stats::TaskSummary* accuracy = nullptr;
  // Arms of equal recipes are one line: what decides their training but for its length.
  std::string recipe;
};

// The optimizer steps of an arm that was trained here from nothing; 0 for one that is the model
// alone; none where an adapter from elsewhere hides how far it was trained.
std::optional<double> steps_of(const Study& study, const Json& arm, const std::string& name) {
  if (arm.contains("adapter") || arm.contains("init_adapter")) return std::nullopt;
  double last = 0;
  for (const auto& [cell, curve] : study.predictions.training)
    if (cell.first == name) last = std::max(last, static_cast<double>(curve.rows()));
  return last;
}

std::string recipe_of(Json arm) {
  if (const auto train = arm.find("train"); train != arm.end() && train->is_object()) {
    train->erase("max_steps");
    train->erase("num_train_epochs");
  }
  return arm.dump();
}

std::vector<StepsPoint> steps_points(const Study& study, const Analysis& analysis,
                                     const std::string& task) {
  const Json& config = study.predictions.config;
  const Json arms = config.is_object() && config.contains("arms") ? config["arms"] : Json::object();
  std::vector<StepsPoint> found;
  for (const std::string& name : analysis.arms) {
    const Json arm = arms.is_object() && arms.contains(name) ? arms[name] : Json::object();
    const stats::TaskSummary* s = analysis.summary_of(name, task);
    const auto steps = steps_of(study, arm, name);
    if (s && s->accuracy.mean && steps) found.push_back({name, *steps, s, recipe_of(arm)});
  }
  std::ranges::stable_sort(found, {}, &StepsPoint::steps);
  return found;
}

bool differ_in_steps(const std::vector<StepsPoint>& points) {
  std::set<double> trained;
  for (const StepsPoint& point : points)
    if (point.steps > 0) trained.insert(point.steps);
  return trained.size() > 1;
}

}  // namespace

std::string steps_figure(const Study& study, const Analysis& analysis, const std::string& task) {
  const std::vector<StepsPoint> points = steps_points(study, analysis, task);
  if (!differ_in_steps(points)) return "";
  std::vector<double> ends;
  for (const StepsPoint& point : points)
    for (const double end : {point.accuracy->ci95->low, point.accuracy->ci95->high})
      ends.push_back(100 * end);
  constexpr double kHeight = 290;
  constexpr Frame kFrame{44, kFigureWidth - 30, 10, kHeight - 38};
  Svg svg(kFigureWidth, kHeight, task_title(task) + " against training steps",
          "Accuracy of each arm with its 95 % interval by its optimizer steps; arms that differ in "
          "their length alone are joined.");
  const Scale x{0, points.back().steps * 1.02, kFrame.left + 8, kFrame.right};
  const Scale y = percent_scale(ends, kFrame.bottom, kFrame.top);
  draw_axes(svg, kFrame, x, y, "optimizer steps", task_title(task) + ", % right");
  std::map<std::string, std::vector<std::array<double, 2>>> lines;
  for (const StepsPoint& point : points)
    if (point.steps > 0)
      lines[point.recipe].push_back(
          {x.at(point.steps), y.at(100 * *point.accuracy->accuracy.mean)});
  for (auto& [recipe, line] : lines) {
    if (points.front().steps == 0)
      line.insert(line.begin(), {x.at(0), y.at(100 * *points.front().accuracy->accuracy.mean)});
    svg.path(line, false, "seed joined");
  }
  PointNames names(svg, kFrame);
  for (const StepsPoint& point : points) {
    const stats::TaskSummary& s = *point.accuracy;
    const std::string style = arm_class(analysis, point.arm);
    const double at = x.at(point.steps), mean = y.at(100 * *s.accuracy.mean);
    svg.line(at, y.at(100 * s.ci95->low), at, y.at(100 * s.ci95->high), "soft " + style);
    svg.circle(
        at, mean, 3.5, "dot " + style,
        fmt::format("{}, {:.0f} steps: {}", point.arm, point.steps, percent(*s.accuracy.mean)));
    names.add(at, mean, point.arm);
  }
  return svg.finish();
}

}  // namespace tradeoff::report
