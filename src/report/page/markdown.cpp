#include <fmt/format.h>

#include "analysis/words.hpp"
#include "grids/glossary.hpp"
#include "grids/grids.hpp"
#include "grids/reviewed.hpp"
#include "grids/robustness.hpp"
#include "tradeoff/report/page/tables.hpp"

namespace tradeoff::report {

std::string summary(const Study& study, const Analysis& analysis) {
  std::string text = fmt::format("# Study {}\n\n", plain_markdown(analysis.name));
  for (const std::string& line : headline(analysis)) text += "- " + plain_markdown(line) + "\n";
  const auto warned = warnings(study);
  if (!warned.empty()) text += "\n";
  for (const std::string& line : warned) text += "- " + plain_markdown(line) + "\n";
  return text;
}

std::string markdown(const Study& study, const Analysis& analysis) {
  std::string text = summary(study, analysis);
  const auto add = [&text](const Grid& grid) {
    if (grid.rows.empty()) return;
    std::string title = grid.title;
    if (title.ends_with('.')) title.pop_back();
    text += fmt::format("\n## {}\n\n", title);
    if (!grid.caption.empty()) text += plain_markdown(grid.caption) + "\n\n";
    text += to_markdown(grid);
    if (!grid.notes.empty()) text += "\n";
    for (const std::string& note : grid.notes) text += "- " + plain_markdown(note) + "\n";
  };
  for (const std::string& task : analysis.tasks) add(accuracy_grid(analysis, task));
  add(samples_grid(analysis));
  add(agreement_grid(analysis));
  add(pairs_grid(analysis));
  add(error_grid(analysis));
  add(robustness_grid(analysis));
  for (const Reviewed& reviewed : analysis.reviewed) {
    add(reviewed_accuracy_grid(reviewed));
    add(reviewed_effect_grid(analysis, reviewed));
  }
  add(tradeoff_grid(analysis));
  add(posterior_grid(analysis));
  add(sequence_grid(analysis));
  add(runs_grid(analysis));
  add(without_failed_grid(analysis));
  const auto settle = what_would_settle(analysis);
  if (!settle.empty()) text += "\n## What would settle it\n\n";
  for (const std::string& line : settle) text += "- " + plain_markdown(line) + "\n";
  add(seeds_grid(analysis));
  add(floors_grid(analysis));
  for (const Grouping& grouping : analysis.groupings) {
    if (grouping.name != analysis.task(grouping.task).words.cluster)
      add(group_grid(analysis, grouping));
  }
  add(metrics_grid(analysis));
  for (const auto& [task, errors] : analysis.errors) add(errors_grid(analysis, task));
  add(glossary_grid(analysis));
  add(counts_grid(analysis));
  for (const auto& [task, by_arm] : analysis.calibration) add(calibration_grid(analysis, task));
  add(cost_grid(analysis));
  add(models_grid(study, analysis));
  return text;
}

}  // namespace tradeoff::report
