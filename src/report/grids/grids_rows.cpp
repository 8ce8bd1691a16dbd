#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/words.hpp"
#include "grids.hpp"

namespace tradeoff::report {
namespace {

// No row of n questions still allows a share of 1 - 0.05^(1/n): seeds of a question are no new
// questions.
std::string none_found(const Analysis& analysis, const std::string& task, const std::string& arm) {
  const stats::TaskSummary* s = analysis.summary_of(arm, task);
  if (!s || s->items == 0) return "0";
  return fmt::format("0 (< {})", percent(1 - std::pow(0.05, 1 / static_cast<double>(s->items))));
}

}  // namespace

Grid errors_grid(const Analysis& analysis, const std::string& task) {
  const auto& classes_of = analysis.errors.at(task).classes;
  Grid grid{
      fmt::format("Why SQL is wrong: {}.", task_title(task)),
      "Rows over all seeds, and their share of the arm's rows. Where none is found, the share "
      "in brackets may still be: the 95 % bound over the questions.",
      {"class"},
      1,
      {},
      {}};
  std::map<std::string, std::int64_t> total;
  for (const std::string& arm : analysis.arms) {
    const auto found = classes_of.find(arm);
    if (found == classes_of.end()) continue;
    grid.columns.push_back(arm);
    for (const auto& [name, rows] : found->second) total[name] += name == "right" ? 0 : rows;
  }
  std::vector<std::pair<std::string, std::int64_t>> order(total.begin(), total.end());
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [name, rows] : order) {
    if (name == "right") continue;
    std::vector<std::string> cells = {name};
    for (const std::string& arm : analysis.arms) {
      const auto found = classes_of.find(arm);
      if (found == classes_of.end()) continue;
      std::int64_t all = 0;
      for (const auto& [other, n] : found->second) all += n;
      const auto here = found->second.find(name);
      const std::int64_t n = here == found->second.end() ? 0 : here->second;
      cells.push_back(
          n == 0 ? none_found(analysis, task, arm)
                 : fmt::format("{} ({})", n,
                               percent(static_cast<double>(n) / static_cast<double>(all))));
    }
    grid.rows.push_back(std::move(cells));
  }
  return grid;
}

Grid transitions_grid(const Analysis& analysis, const std::string& task, const std::string& arm) {
  const std::vector<Transition>& transitions = analysis.errors.at(task).transitions;
  Grid grid{fmt::format("{}: from {} to {}.", task_title(task), analysis.reference, arm),
            "Rows by what the first arm's answer was (down) and what the second arm's became "
            "(across), over paired seeds; the commonest classes, others together.",
            {"from \\ to"},
            1,
            {},
            {}};
  constexpr std::size_t kShown = 7;
  std::map<std::string, std::int64_t> weight;
  for (const Transition& t : transitions) {
    if (t.arm != arm) continue;
    weight[t.from] += t.rows;
    weight[t.to] += t.rows;
  }
  std::vector<std::pair<std::string, std::int64_t>> order(weight.begin(), weight.end());
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) {
    if ((a.first == "right") != (b.first == "right")) return a.first == "right";
    return a.second > b.second;
  });
  std::vector<std::string> names;
  for (const auto& [name, rows] : order) {
    if (names.size() < kShown) names.push_back(name);
  }
  const bool others = order.size() > names.size();
  if (others) names.emplace_back("other classes");
  const auto place = [&](const std::string& name) {
    const auto found = std::ranges::find(names, name);
    return static_cast<std::size_t>(found == names.end()
                                        ? static_cast<std::ptrdiff_t>(names.size()) - 1
                                        : found - names.begin());
  };
  std::vector<std::vector<std::int64_t>> counts(names.size(),
                                                std::vector<std::int64_t>(names.size()));
  for (const Transition& t : transitions) {
    if (t.arm == arm) counts[place(t.from)][place(t.to)] += t.rows;
  }
  if (weight.empty()) return grid;
  for (const std::string& name : names) grid.columns.push_back(name);
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::vector<std::string> cells = {names[i]};
    for (const std::int64_t n : counts[i]) cells.push_back(n == 0 ? "·" : std::to_string(n));
    grid.rows.push_back(std::move(cells));
  }
  return grid;
}

Grid counts_grid(const Analysis& analysis) {
  Grid grid{"Nothing is cut silently.",
            "Rows over all seeds. Prompts are never shortened but by whole examples; a skipped row "
            "counts as wrong; an answer at the token limit is judged as it is.",
            {"arm", "task", "rows", "skipped", "examples dropped", "answers at the token limit",
             "answers without a letter", "longest prompt, tokens"},
            2,
            {},
            {}};
  for (const RowCounts& c : analysis.counts) {
    const task::Task& task = analysis.task(c.task);
    const bool letters = task.answer == task::Answer::letter;
    grid.rows.push_back({c.arm, task_title(c.task), thousands(c.rows), thousands(c.skipped),
                         thousands(c.shots_dropped), is_written(task) ? thousands(c.cut_off) : "-",
                         letters ? thousands(c.no_letter) : "-", thousands(c.longest_prompt)});
  }
  // A column for tasks that the study does not have says nothing.
  const auto has_letter = [&](const RowCounts& c) {
    return analysis.task(c.task).answer == task::Answer::letter;
  };
  if (std::ranges::none_of(analysis.counts, has_letter)) {
    constexpr std::ptrdiff_t kNoLetter = 6;
    grid.columns.erase(grid.columns.begin() + kNoLetter);
    for (auto& row : grid.rows) row.erase(row.begin() + kNoLetter);
  }
  return grid;
}

Grid cost_grid(const Analysis& analysis) {
  Grid grid{
      "What it cost.",
      "Wall clock of all ranks together, summed over cells and starts; real tokens, no padding. "
      "Redone: training steps that a start made after its last checkpoint and a later one made "
      "again; part of training. Cut: starts that a kill ended; what each did after its last "
      "recorded chunk or step is not known and not counted.",
      {"arm", "cells", "training", "predicting", "device hours", "tokens", "tokens/s",
       "peak memory", "redone", "cut"},
      1,
      {},
      {}};
  for (const ArmLedger& c : analysis.costs) {
    grid.rows.push_back(
        {c.arm, std::to_string(c.cells), c.train_s > 0 ? duration(c.train_s) : "none",
         duration(c.predict_s), fmt::format("{:.3f}", c.device_hours), thousands(c.tokens),
         c.tokens_per_s ? thousands(static_cast<std::int64_t>(*c.tokens_per_s)) : "-",
         c.peak_gib ? fmt::format("{:.2f} GiB", *c.peak_gib) : "not recorded",
         c.redone_s > 0 ? duration(c.redone_s) : "none",
         c.cut_starts > 0 ? fmt::format("{} of {}", c.cut_starts, c.starts) : "none"});
  }
  return grid;
}

}  // namespace tradeoff::report
