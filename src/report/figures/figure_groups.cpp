#include <fmt/format.h>

#include <algorithm>

#include "analysis/words.hpp"
#include "figures.hpp"
#include "svg.hpp"

namespace tradeoff::report {
namespace {

std::vector<std::string> labels_in_order(const Analysis& analysis, const Grouping& grouping) {
  std::vector<std::string> labels;
  for (const std::string& arm : analysis.arms) {
    const auto found = grouping.by_arm.find(arm);
    if (found == grouping.by_arm.end()) continue;
    for (const stats::GroupAccuracy& g : found->second) {
      if (std::ranges::find(labels, g.label) == labels.end()) labels.push_back(g.label);
    }
  }
  if (grouping.name != "hardness") return labels;
  const std::vector<std::string> levels = {"easy", "medium", "hard", "extra"};
  std::ranges::stable_sort(labels, {}, [&](const std::string& label) {
    return std::ranges::find(levels, label) - levels.begin();
  });
  return labels;
}

}  // namespace

std::string group_figure(const Analysis& analysis, const Grouping& grouping) {
  const auto labels = labels_in_order(analysis, grouping);
  if (labels.empty()) return "";
  const auto arms = static_cast<double>(grouping.by_arm.size());
  const double row = std::max(22.0, 9 * arms + 8);
  constexpr double kWidth = kFigureWidth, kLeft = kLabelWidth, kRight = 10, kTop = 6;
  const double height = kTop + row * static_cast<double>(labels.size()) + 40, bottom = height - 36;
  Svg svg(kWidth, height, fmt::format("{} by {}", task_title(grouping.task), grouping.name),
          "Accuracy of each arm with its 95 % interval.");
  const Scale x{0, 100, kLeft, kWidth - kRight};
  const auto marks = ticks(x, 5);
  for (const double t : marks) {
    svg.line(x.at(t), kTop, x.at(t), bottom, "rule");
    svg.text(x.at(t), bottom + 15, tick_text(t, marks), "tick", "middle");
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double top = kTop + row * static_cast<double>(i);
    std::uint64_t items = 0;
    double y = top + row / 2 - 4.5 * (arms - 1);
    for (const std::string& arm : analysis.arms) {
      const auto found = grouping.by_arm.find(arm);
      if (found == grouping.by_arm.end()) continue;
      const auto group = std::ranges::find(found->second, labels[i], &stats::GroupAccuracy::label);
      if (group != found->second.end()) {
        items = group->items;
        const std::string style = arm_class(analysis, arm);
        svg.line(x.at(100 * group->ci95.low), y, x.at(100 * group->ci95.high), y, "soft " + style);
        svg.circle(x.at(100 * group->accuracy), y, 3.5, "dot " + style,
                   fmt::format("{}, {}: {} of {}", labels[i], arm, percent(group->accuracy),
                               group->items));
      }
      y += 9;
    }
    const std::string asked = fmt::format(" ({})", items);
    svg.text(kLeft - 8, top + row / 2 + 4,
             shortened(labels[i], kLabelLetters - asked.size()) + asked, "label", "end");
  }
  svg.text((kLeft + kWidth - kRight) / 2, height - 6, "% right", "axis", "middle");
  return svg.finish();
}

std::string error_figure(const Analysis& analysis, const std::string& task) {
  const auto& classes_of = analysis.errors.at(task).classes;
  std::map<std::string, std::int64_t> total;
  std::map<std::string, double> rows_of_arm;
  double most = 0;
  for (const auto& [arm, classes] : classes_of) {
    for (const auto& [name, rows] : classes) {
      rows_of_arm[arm] += static_cast<double>(rows);
      if (name != "right") total[name] += rows;
    }
  }
  for (const auto& [arm, classes] : classes_of) {
    for (const auto& [name, rows] : classes) {
      if (name != "right")
        most = std::max(most, 100 * static_cast<double>(rows) / rows_of_arm[arm]);
    }
  }
  if (total.empty()) return "";
  std::vector<std::pair<std::string, std::int64_t>> order(total.begin(), total.end());
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.second > b.second; });
  constexpr std::size_t kShown = 14;
  if (order.size() > kShown) order.resize(kShown);
  const auto arms = static_cast<double>(classes_of.size());
  const double row = std::max(18.0, 9 * arms + 8);
  constexpr double kWidth = kFigureWidth, kLeft = kLabelWidth, kRight = 10, kTop = 6;
  const double height = kTop + row * static_cast<double>(order.size()) + 40, bottom = height - 36;
  Svg svg(kWidth, height, fmt::format("Why SQL is wrong: {}", task_title(task)),
          "Share of each arm's rows by error class.");
  const Scale x{0, std::max(1.0, most * 1.05), kLeft, kWidth - kRight};
  const auto marks = ticks(x, 6);
  for (const double t : marks) {
    svg.line(x.at(t), kTop, x.at(t), bottom, "rule");
    svg.text(x.at(t), bottom + 15, tick_text(t, marks), "tick", "middle");
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double top = kTop + row * static_cast<double>(i) + 4;
    double y = top;
    for (const std::string& arm : analysis.arms) {
      const auto found = classes_of.find(arm);
      if (found == classes_of.end()) continue;
      const auto here = found->second.find(order[i].first);
      const std::int64_t rows = here == found->second.end() ? 0 : here->second;
      const double share = 100 * static_cast<double>(rows) / rows_of_arm[arm];
      svg.rect(kLeft, y, x.at(share) - kLeft, 7, "bar " + arm_class(analysis, arm),
               fmt::format("{}, {}: {} rows, {:.1f} %", order[i].first, arm, rows, share));
      y += 9;
    }
    svg.text(kLeft - 8, top + (row - 8) / 2 + 3, shortened(order[i].first), "label", "end");
  }
  svg.text((kLeft + kWidth - kRight) / 2, height - 6, "% of the arm's rows", "axis", "middle");
  return svg.finish();
}

}  // namespace tradeoff::report
