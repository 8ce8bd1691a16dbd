#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "analysis/words.hpp"
#include "figures.hpp"
#include "svg.hpp"

namespace tradeoff::report {
namespace {

constexpr double kRow = 19, kTop = 38;

struct HeatRow {
  std::string label, shown;
  std::uint64_t items = 0;
  // [arms], as fractions; NaN where an arm has no question of it.
  std::vector<double> accuracy;
};

std::vector<HeatRow> rows_of(const Grouping& grouping, const std::vector<std::string>& arms) {
  std::vector<HeatRow> rows;
  for (std::size_t k = 0; k < arms.size(); ++k) {
    for (const stats::GroupAccuracy& g : grouping.by_arm.at(arms[k])) {
      auto found = std::ranges::find(rows, g.label, &HeatRow::label);
      if (found == rows.end()) {
        rows.push_back(
            {g.label, g.label, g.items,
             std::vector<double>(arms.size(), std::numeric_limits<double>::quiet_NaN())});
        found = rows.end() - 1;
      }
      found->accuracy[k] = g.accuracy;
    }
  }
  return rows;
}

// Labels as they are drawn, with the number of questions.
void name_rows(std::vector<HeatRow>& rows) {
  std::size_t widest = 0;
  std::vector<std::string> labels;
  for (const HeatRow& row : rows) {
    widest = std::max(widest, fmt::format(" ({})", row.items).size());
    labels.push_back(row.label);
  }
  labels = shortened_apart(labels, kLabelLetters - widest);
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i].shown = fmt::format("{} ({})", labels[i], rows[i].items);
}

// What the last arm changed, from the first; NaN sorts last.
double change_of(const HeatRow& row) {
  const double change = row.accuracy.back() - row.accuracy.front();
  return std::isnan(change) ? -2 : change;
}

void draw_row(Svg& svg, const HeatRow& row, const std::vector<std::string>& arms, double top,
              double width) {
  svg.text(kLabelWidth - 6, top + 13, row.shown, "label", "end");
  double left = kLabelWidth;
  const auto cell = [&](const std::string& style, double strength, const std::string& text,
                        const std::string& tip) {
    svg.rect(left, top, width - 2, kRow - 2, style, tip, strength);
    svg.text(left + (width - 2) / 2, top + 13, text, "cell", "middle");
    left += width;
  };
  for (std::size_t k = 0; k < arms.size(); ++k) {
    const double value = row.accuracy[k];
    if (std::isnan(value)) {
      cell("heat", 0, "-", fmt::format("{}, {}: no question", row.label, arms[k]));
    } else {
      cell("heat", value, fmt::format("{:.0f}", 100 * value),
           fmt::format("{}, {}: {} of {}", row.label, arms[k], percent(value), row.items));
    }
  }
  for (std::size_t k = 1; k < arms.size(); ++k) {
    const double change = row.accuracy[k] - row.accuracy[0];
    if (std::isnan(change)) {
      cell("heat", 0, "-", fmt::format("{}, {}: no question", row.label, arms[k]));
    } else {
      cell(change < 0 ? "heat lost" : "heat won", std::min(1.0, 2 * std::abs(change)),
           std::abs(change) < 0.005 ? "0" : fmt::format("{:+.0f}", 100 * change),
           fmt::format("{}, {} → {}: {} points", row.label, arms[0], arms[k], points(change)));
    }
  }
}

}  // namespace

std::string heat_figure(const Analysis& analysis, const Grouping& grouping) {
  std::vector<std::string> arms;
  if (grouping.by_arm.contains(analysis.reference)) arms.push_back(analysis.reference);
  for (const std::string& arm : analysis.arms)
    if (arm != analysis.reference && grouping.by_arm.contains(arm)) arms.push_back(arm);
  if (arms.empty()) return "";
  std::vector<HeatRow> rows = rows_of(grouping, arms);
  if (rows.empty()) return "";
  name_rows(rows);
  std::ranges::stable_sort(rows, std::ranges::greater{}, change_of);
  const double columns = 2 * static_cast<double>(arms.size()) - 1;
  const double width = (kFigureWidth - kLabelWidth) / columns;
  Svg svg(kFigureWidth, kTop + kRow * static_cast<double>(rows.size()) + 4,
          fmt::format("{} by {}, every arm", task_title(grouping.task), grouping.name),
          "Each row one label: the accuracy of each arm in per cent, then its difference from the "
          "first arm in points.");
  const auto letters = static_cast<std::size_t>(std::max(3.0, width / 6.5));
  const auto middle = [&](double column) { return kLabelWidth + width * column - 1; };
  const auto count = static_cast<double>(arms.size());
  svg.text(middle(count / 2), 12, "% right", "axis", "middle");
  if (arms.size() > 1)
    svg.text(middle((count + columns) / 2), 12, "change, points", "axis", "middle");
  for (std::size_t k = 0; k < arms.size() * 2 - 1; ++k) {
    const std::string& arm = arms[k < arms.size() ? k : k - arms.size() + 1];
    svg.text(middle(static_cast<double>(k) + 0.5), 29, shortened(arm, letters), "tick", "middle");
  }
  for (std::size_t i = 0; i < rows.size(); ++i)
    draw_row(svg, rows[i], arms, kTop + kRow * static_cast<double>(i), width);
  return svg.finish();
}

}  // namespace tradeoff::report
