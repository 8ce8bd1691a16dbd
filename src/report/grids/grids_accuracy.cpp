#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/words.hpp"
#include "grids.hpp"
#include "origin.hpp"

namespace tradeoff::report {
namespace {

std::string se_text(const std::optional<stats::StandardError>& error) {
  return error ? fmt::format("{:.1f}", 100 * error->se) : "not estimable";
}

std::string sd_text(const stats::TaskSummary& s) {
  if (s.accuracy.seed_sd) return fmt::format("{:.1f}", 100 * *s.accuracy.seed_sd);
  for (const stats::NotEstimable& empty : s.accuracy.reasons) {
    if (empty.figure == "seed_sd" && empty.reason.starts_with("computed once")) {
      return "none: computed once";
    }
  }
  return "not estimable";
}

std::string right_text(const stats::TaskSummary& s) {
  const double right = *s.accuracy.mean * static_cast<double>(s.items);
  const std::string mean = std::abs(right - std::round(right)) < 1e-6
                               ? fmt::format("{:.0f}", right)
                               : fmt::format("{:.1f}", right);
  return mean + " / " + std::to_string(s.items);
}

std::vector<std::string> accuracy_cells(const stats::TaskSummary& s) {
  if (!s.accuracy.mean) return {s.arm, "no items", "", "", "", "", ""};
  return {s.arm,
          right_text(s),
          percent(*s.accuracy.mean),
          percents(*s.ci95),
          se_text(s.accuracy.cluster),
          sd_text(s),
          std::to_string(s.seeds)};
}

const std::vector<std::string> kAccuracyColumns = {
    "arm", "right", "accuracy", "95 % interval", "s.e. (clusters)", "sd over seeds", "seeds"};

const Grouping* grouping_of(const Analysis& analysis, const std::string& task,
                            const std::string& name) {
  for (const Grouping& g : analysis.groupings) {
    if (g.task == task && g.name == name) return &g;
  }
  return nullptr;
}

std::string clusters_text(const Analysis& analysis, const std::string& task) {
  for (const stats::TaskSummary& s : analysis.summary.arms) {
    if (s.task == task) return std::to_string(s.clusters);
  }
  return "0";
}

}  // namespace

namespace {

std::string accuracy_caption(const Analysis& analysis, const task::Task& task) {
  const std::string over = clusters_text(analysis, task.name) + " " + task.words.clusters;
  const std::string means =
      task.kind == task::Kind::sql
          ? fmt::format(
                "Accuracy is {}. Right: mean over seeds. The interval (Korn-Graubard) "
                "varies over {} and over seeds",
                metric_words(analysis.primary), over)
          : fmt::format(
                "Right: mean over seeds. The interval (Korn-Graubard) varies over {} and "
                "over seeds",
                over);
  return fmt::format("{} where there are several; the standard error over {}, at these seeds.",
                     means, task.words.clusters);
}

// The groups of a task that has few, in the order in which the arms have them.
std::vector<std::string> group_columns(const task::Task& task, const Grouping* groups) {
  std::vector<std::string> names;
  if (!groups || task.groups.empty()) return names;
  for (const auto& [arm, rows] : groups->by_arm) {
    for (const stats::GroupAccuracy& row : rows) {
      if (std::ranges::find(names, row.label) == names.end()) names.push_back(row.label);
    }
  }
  return names;
}

std::vector<std::string> group_cells(const std::vector<std::string>& names, const Grouping* groups,
                                     const std::string& arm) {
  std::vector<std::string> cells;
  for (const std::string& name : names) {
    std::string& text = cells.emplace_back("-");
    for (const stats::GroupAccuracy& row : groups->by_arm.at(arm)) {
      if (row.label == name) text = fmt::format("{} ({})", percent(row.accuracy), row.items);
    }
  }
  return cells;
}

}  // namespace

Grid accuracy_grid(const Analysis& analysis, const std::string& name) {
  const task::Task& task = analysis.task(name);
  const auto number = std::ranges::find(analysis.tasks, name) - analysis.tasks.begin() + 1;
  Grid grid{fmt::format("Table {}: {}.", number, task.words.table),
            accuracy_caption(analysis, task),
            kAccuracyColumns,
            1,
            {},
            {}};
  const Grouping* groups = grouping_of(analysis, name, task.words.level);
  const std::vector<std::string> names = group_columns(task, groups);
  grid.columns.insert(grid.columns.end(), names.begin(), names.end());
  const bool origin = is_origin_study(analysis) && task.by_default;
  if (origin) grid.columns.push_back("origin");
  for (const stats::TaskSummary& s : analysis.summary.arms) {
    if (s.task != name) continue;
    auto& cells = grid.rows.emplace_back(accuracy_cells(s));
    for (std::string& cell : group_cells(names, groups, s.arm)) cells.push_back(std::move(cell));
    if (origin) cells.push_back(origin_cell(s.arm, task.kind));
  }
  if (grid.rows.empty()) return grid;
  for (const std::string& group : task.groups) {
    if (std::ranges::find(names, group) == names.end())
      grid.notes.push_back(fmt::format("The group {} is not among the questions{}.", group,
                                       origin ? ", as in the study that is repeated here" : ""));
  }
  if (origin) grid.notes.push_back(origin_sentence());
  return grid;
}

Grid metrics_grid(const Analysis& analysis) {
  Grid grid{
      "Every SQL metric.",
      "Means over questions and seeds: exec and exec_keep_distinct by the official test-suite "
      "rules, match the official exact match, set equal sets of rows, strict with bags and gold "
      "order, soft_f1 by cells; non_empty: answers that run and return rows, right or wrong.",
      {"arm"},
      1,
      {},
      {}};
  const bool several = std::ranges::count_if(analysis.known, [](const auto& known) {
                         return known.second.kind == task::Kind::sql;
                       }) > 1;
  if (several) grid.names = 2;
  for (const stats::TaskSummary& s : analysis.summary.arms) {
    if (analysis.task(s.task).kind != task::Kind::sql) continue;
    if (grid.columns.size() == 1) {
      if (several) grid.columns.push_back("task");
      for (const auto& metric : s.metrics) grid.columns.push_back(metric.name);
    }
    std::vector<std::string> cells = {s.arm};
    if (several) cells.push_back(task_title(s.task));
    for (const auto& metric : s.metrics) cells.push_back(metric.mean ? percent(*metric.mean) : "-");
    grid.rows.push_back(std::move(cells));
  }
  return grid;
}

Grid seeds_grid(const Analysis& analysis) {
  Grid grid{"Seeds side by side.",
            "Accuracy of every replicate; the questions are the same.",
            {"arm", "task"},
            2,
            {},
            {}};
  std::vector<std::uint64_t> seeds;
  for (const stats::TaskSummary& s : analysis.summary.arms) {
    for (const stats::SeedAccuracy& one : s.by_seed) {
      if (std::ranges::find(seeds, one.seed) == seeds.end()) seeds.push_back(one.seed);
    }
  }
  std::ranges::sort(seeds);
  for (const std::uint64_t seed : seeds) grid.columns.push_back(fmt::format("seed {}", seed));
  for (const stats::TaskSummary& s : analysis.summary.arms) {
    std::vector<std::string> cells = {s.arm, task_title(s.task)};
    for (const std::uint64_t seed : seeds) {
      const auto found = std::ranges::find(s.by_seed, seed, &stats::SeedAccuracy::seed);
      cells.push_back(found == s.by_seed.end() ? "-" : percent(found->accuracy));
    }
    grid.rows.push_back(std::move(cells));
  }
  return grid;
}

Grid variance_grid(const Analysis& analysis) {
  Grid grid{"Where the variance is.",
            "Standard deviations, in points, of one score: between questions, between seeds, and "
            "what is left (question × seed).",
            {"arm", "task", "questions", "seeds", "question × seed"},
            2,
            {},
            {}};
  for (const stats::TaskSummary& s : analysis.summary.arms) {
    if (const auto& c = s.accuracy.components) {
      grid.rows.push_back({s.arm, task_title(s.task),
                           fmt::format("{:.1f}", 100 * std::sqrt(c->question)),
                           fmt::format("{:.1f}", 100 * std::sqrt(c->seed)),
                           fmt::format("{:.1f}", 100 * std::sqrt(c->residual))});
      continue;
    }
    std::string why = "not estimable";
    for (const stats::NotEstimable& empty : s.accuracy.reasons) {
      if (empty.figure == "variance_components") why = empty.reason;
    }
    grid.notes.push_back(fmt::format("{}, {}: {}.", s.arm, task_title(s.task), why));
  }
  return grid;
}

Grid floors_grid(const Analysis& analysis) {
  Grid grid{"Floors and ceilings.",
            "What predictors that need no model get on the same questions.",
            {"task", "predictor", "right", "accuracy"},
            2,
            {},
            {}};
  for (const std::string& task : analysis.tasks) {
    for (const stats::TaskSummary& s : analysis.summary.arms) {
      if (s.task != task) continue;
      for (const stats::Floor& floor : s.floors) {
        if (floor.items == 0) continue;
        grid.rows.push_back(
            {task_title(task), floor.name, fmt::format("{} / {}", floor.right, floor.items),
             percent(static_cast<double>(floor.right) / static_cast<double>(floor.items))});
      }
      break;
    }
  }
  const std::string written = analysis.first_of(task::Kind::sql);
  if (!grid.rows.empty() && analysis.primary != results::Primary::exec && !written.empty()) {
    grid.notes.push_back(fmt::format("{}'s are judged by exec, not by {}: they are stored so.",
                                     task_title(written), results::name_of(analysis.primary)));
  }
  return grid;
}

Grid group_grid(const Analysis& analysis, const Grouping& grouping) {
  Grid grid{fmt::format("{} by {}.", task_title(grouping.task), grouping.name),
            "Accuracy with its 95 % interval (Korn-Graubard) over clusters of questions and seeds; "
            "within "
            "one cluster over its questions.",
            {grouping.name, "questions"},
            1,
            {},
            {}};
  std::map<std::string, std::vector<std::string>> rows;
  std::vector<std::string> order;
  for (const std::string& arm : analysis.arms) {
    const auto found = grouping.by_arm.find(arm);
    if (found == grouping.by_arm.end()) continue;
    grid.columns.push_back(arm);
    for (const stats::GroupAccuracy& g : found->second) {
      auto& row = rows[g.label];
      if (row.empty()) {
        order.push_back(g.label);
        row = {g.label, std::to_string(g.items)};
      }
      row.resize(grid.columns.size() - 1, "-");
      row.push_back(fmt::format("{} ({})", percent(g.accuracy), percents(g.ci95)));
    }
  }
  // The official order of hardness; else by name.
  const std::vector<std::string> levels = {"easy", "medium", "hard", "extra"};
  if (grouping.name == "hardness") {
    std::ranges::stable_sort(order, {}, [&](const std::string& label) {
      return std::ranges::find(levels, label) - levels.begin();
    });
  }
  for (const std::string& label : order) {
    rows[label].resize(grid.columns.size(), "-");
    grid.rows.push_back(rows[label]);
  }
  return grid;
}

Grid calibration_grid(const Analysis& analysis, const std::string& task) {
  const auto& by_arm = analysis.calibration.at(task);
  Grid grid{
      fmt::format("Calibration of {} choices.", task_title(task)),
      "Confidence is the probability of the chosen letter among the choices; the expected "
      "calibration error over 15 bins (Guo et al. 2017), mean over the runs; beside it what a "
      "perfectly calibrated model of the same confidences and questions would show by chance.",
      {"arm", "mean confidence", "accuracy", "calibration error", "if perfect", "Brier score"},
      1,
      {},
      {}};
  for (const std::string& arm : analysis.arms) {
    const auto found = by_arm.find(arm);
    if (found == by_arm.end()) continue;
    const stats::Calibration& c = found->second;
    grid.rows.push_back({arm, percent(c.mean_confidence), percent(c.accuracy),
                         percent(c.expected_error), percent(c.expected_error_if_perfect),
                         fmt::format("{:.3f}", c.brier.value_or(0))});
  }
  return grid;
}

}  // namespace tradeoff::report
