#include <fmt/format.h>

#include <algorithm>

#include "analysis/words.hpp"
#include "figures.hpp"
#include "svg.hpp"

namespace tradeoff::report {

std::string forest_figure(const Analysis& analysis) {
  std::vector<const stats::PairSummary*> rows;
  std::vector<double> ends = {0};
  for (const std::string& task : analysis.tasks) {
    for (const stats::PairSummary& pair : analysis.summary.pairs) {
      if (pair.task != task || !pair.delta.mean) continue;
      rows.push_back(&pair);
      ends.push_back(100 * *pair.delta.mean);
      for (const auto& error : {pair.delta.small_sample, pair.delta.items_and_seeds}) {
        if (!error) continue;
        ends.push_back(100 * error->ci95.low);
        ends.push_back(100 * error->ci95.high);
      }
    }
  }
  if (rows.empty()) return "";
  constexpr double kWidth = kFigureWidth, kLeft = kLabelWidth, kRight = 46, kRow = 34, kTop = 8;
  const double height = kTop + kRow * static_cast<double>(rows.size()) + 40;
  const double bottom = height - 38;
  Svg svg(kWidth, height, "Paired differences",
          "Each row a pair of arms on one task: the difference in points, thick the interval over "
          "clusters of questions, thin over seeds too.");
  const Scale x = scale_around(ends, kLeft, kWidth - kRight);
  const auto marks = ticks(x, 6);
  for (const double t : marks) {
    svg.line(x.at(t), kTop, x.at(t), bottom, "rule");
    svg.text(x.at(t), bottom + 15, tick_text(t, marks), "tick", "middle");
  }
  svg.line(x.at(0), kTop, x.at(0), bottom, "zero");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const stats::PairSummary& pair = *rows[i];
    const double y = kTop + kRow * (static_cast<double>(i) + 0.5);
    const std::string style = arm_class(analysis, pair.b);
    svg.text(kLeft - 8, y - 2, shortened(fmt::format("{} → {}", pair.a, pair.b)), "label", "end");
    svg.text(kLeft - 8, y + 12,
             shortened(
                 fmt::format("{}, {}", task_title(pair.task),
                             pair.holm_p ? "Holm p " + p_value(pair.holm_p) : std::string("no p"))),
             "tick", "end");
    if (const auto& e = pair.delta.items_and_seeds) {
      svg.line(x.at(100 * e->ci95.low), y, x.at(100 * e->ci95.high), y, "thin " + style);
    }
    if (const auto& e = pair.delta.small_sample) {
      svg.line(x.at(100 * e->ci95.low), y, x.at(100 * e->ci95.high), y, "thick " + style);
    }
    svg.circle(x.at(100 * *pair.delta.mean), y, 3.5, "dot " + style,
               fmt::format("{} → {}, {}: {} points", pair.a, pair.b, task_title(pair.task),
                           points(*pair.delta.mean)));
    svg.text(kWidth - kRight + 6, y + 4, points(*pair.delta.mean), "label");
  }
  svg.text((kLeft + kWidth - kRight) / 2, height - 6, "difference, points", "axis", "middle");
  return svg.finish();
}

std::string seeds_figure(const Analysis& analysis, const std::string& task) {
  std::vector<const stats::TaskSummary*> arms;
  std::vector<double> values;
  for (const std::string& arm : analysis.arms) {
    const stats::TaskSummary* s = analysis.summary_of(arm, task);
    if (!s || !s->accuracy.mean) continue;
    arms.push_back(s);
    for (const stats::SeedAccuracy& one : s->by_seed) values.push_back(100 * one.accuracy);
    for (const double end : {s->ci95->low, s->ci95->high}) values.push_back(100 * end);
  }
  if (arms.empty()) return "";
  constexpr double kWidth = kFigureWidth, kHeight = 290, kLeft = 44, kTop = 10, kBottom = 30;
  Svg svg(kWidth, kHeight, task_title(task) + ", seeds side by side",
          "Accuracy of every seed by arm; lines join the same seed; the bar is the 95 % interval "
          "of the mean.");
  const Scale y = percent_scale(values, kHeight - kBottom, kTop);
  const auto marks = ticks(y, 6);
  for (const double t : marks) {
    svg.line(kLeft, y.at(t), kWidth - 8, y.at(t), "rule");
    svg.text(kLeft - 5, y.at(t) + 4, tick_text(t, marks), "tick", "end");
  }
  const double step = (kWidth - kLeft - 8) / static_cast<double>(arms.size());
  const auto x = [&](std::size_t i) { return kLeft + step * (static_cast<double>(i) + 0.5); };
  for (std::size_t i = 0; i + 1 < arms.size(); ++i) {
    for (const stats::SeedAccuracy& a : arms[i]->by_seed) {
      for (const stats::SeedAccuracy& b : arms[i + 1]->by_seed) {
        const bool same = a.seed == b.seed || arms[i]->by_seed.size() == 1;
        if (same) svg.line(x(i), y.at(100 * a.accuracy), x(i + 1), y.at(100 * b.accuracy), "seed");
      }
    }
  }
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const stats::TaskSummary& s = *arms[i];
    const std::string style = arm_class(analysis, s.arm);
    svg.line(x(i), y.at(100 * s.ci95->low), x(i), y.at(100 * s.ci95->high), "soft " + style);
    for (const stats::SeedAccuracy& one : s.by_seed) {
      svg.circle(x(i), y.at(100 * one.accuracy), 4, "dot " + style,
                 fmt::format("{}, seed {}: {}", s.arm, one.seed, percent(one.accuracy)));
    }
    svg.text(x(i), kHeight - kBottom + 18,
             shortened(s.arm, static_cast<std::size_t>(std::max(4.0, step / 7))), "label",
             "middle");
  }
  svg.vertical_text(12, (kTop + kHeight - kBottom) / 2, task_title(task) + ", % right", "axis");
  return svg.finish();
}

}  // namespace tradeoff::report
