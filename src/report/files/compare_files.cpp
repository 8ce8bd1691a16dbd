#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tradeoff/base/error.hpp"
#include "tradeoff/report/files/result_file.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::report {
namespace {

using stats::ScoreTable;

bool writes_letters(const std::string& task) {
  const task::Task* known = task::find_task(task);
  return known && known->kind == task::Kind::choice;
}

std::vector<std::string> arms_of(const std::vector<ScoreTable>& tables) {
  std::vector<std::string> arms;
  for (const ScoreTable& t : tables) {
    if (std::ranges::find(arms, t.arm) == arms.end()) arms.push_back(t.arm);
  }
  return arms;
}

// The arm named, or the only one there.
std::string chosen_arm(const std::vector<ScoreTable>& tables, const std::string& named,
                       const std::string& option, const std::filesystem::path& file) {
  const auto arms = arms_of(tables);
  if (named.empty() && arms.size() == 1) return arms[0];
  if (std::ranges::find(arms, named) != arms.end()) return named;
  fail(fmt::format("{}: {}; it has the arms {}", file.string(),
                   named.empty() ? option + " must name an arm" : "no arm \"" + named + "\"",
                   fmt::join(arms, ", ")));
}

const ScoreTable* find(const std::vector<ScoreTable>& tables, const std::string& arm,
                       const std::string& task) {
  for (const ScoreTable& t : tables) {
    if (t.arm == arm && t.task == task) return &t;
  }
  return nullptr;
}

struct Sides {
  const ScoreTable *a, *b;
};

std::vector<Sides> of_arms(const std::vector<ScoreTable>& from, const std::string& a,
                           const std::vector<ScoreTable>& to, const std::string& b) {
  std::vector<Sides> sides;
  for (const ScoreTable& table : from) {
    if (table.arm != a) continue;
    if (const ScoreTable* other = find(to, b, table.task)) sides.push_back({&table, other});
  }
  return sides;
}

std::vector<Sides> of_one_file(const std::vector<ScoreTable>& tables,
                               const CompareOptions& options) {
  const auto arms = arms_of(tables);
  check(arms.size() > 1, fmt::format("{}: one arm ({}) and no second file; nothing to compare",
                                     options.files[0].string(), fmt::join(arms, ", ")));
  if (!options.a.empty() || !options.b.empty()) {
    return of_arms(tables, chosen_arm(tables, options.a, "--a", options.files[0]), tables,
                   chosen_arm(tables, options.b, "--b", options.files[0]));
  }
  std::vector<Sides> sides;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    for (std::size_t j = i + 1; j < arms.size(); ++j) {
      for (const Sides& one : of_arms(tables, arms[i], tables, arms[j])) sides.push_back(one);
    }
  }
  return sides;
}

std::vector<std::string> tasks_of(const std::vector<ScoreTable>& tables) {
  std::vector<std::string> tasks;
  for (const ScoreTable& t : tables) {
    if (std::ranges::find(tasks, t.task) == tasks.end()) tasks.push_back(t.task);
  }
  return tasks;
}

const stats::TaskMargin* margin_of(const ResultFile& file, const std::string& task) {
  const auto found = std::ranges::find(file.margins, task, &stats::TaskMargin::task);
  return found == file.margins.end() ? nullptr : &*found;
}

// The margin of --margin, or the one that either file states.
std::vector<stats::TaskMargin> margins_of(const std::string& task, const ResultFile& first,
                                          const ResultFile& second, const CompareOptions& options) {
  if (options.margin) return {{task, options.margin->fraction}};
  const stats::TaskMargin *a = margin_of(first, task), *b = margin_of(second, task);
  if (a && b && a->margin != b->margin) {
    fail(fmt::format("margin of {}: {} states {} points, {} states {} points; --margin chooses",
                     task, options.files[0].string(), 100 * a->margin, options.files[1].string(),
                     100 * b->margin));
  }
  if (!a && !b) return {};
  return {a ? *a : *b};
}

}  // namespace

std::vector<stats::Comparison> compare_files(const CompareOptions& options) {
  check(options.files.size() == 1 || options.files.size() == 2,
        fmt::format("compare takes one file or two; found {}", options.files.size()));
  const ResultFile first = read_results(options.files[0], options);
  const std::vector<ScoreTable>& from = first.tables;
  ResultFile second = first;
  std::vector<Sides> sides;
  if (options.files.size() == 1) {
    sides = of_one_file(from, options);
  } else {
    second = read_results(options.files[1], options);
    const std::vector<ScoreTable>& to = second.tables;
    sides = of_arms(from, chosen_arm(from, options.a, "--a", options.files[0]), to,
                    chosen_arm(to, options.b, "--b", options.files[1]));
    if (sides.empty()) {
      fail(fmt::format("no task in common: {} has {}, {} has {}", options.files[0].string(),
                       fmt::join(tasks_of(from), ", "), options.files[1].string(),
                       fmt::join(tasks_of(to), ", ")));
    }
  }
  stats::PairOptions pairing;
  pairing.items = options.common ? stats::Unmatched::drop : stats::Unmatched::refuse;
  std::vector<stats::Comparison> out;
  std::vector<stats::PairSummary> pairs;
  for (const Sides& one : sides) {
    ScoreTable a = *one.a, b = *one.b;
    // Codes of answers that were written otherwise say nothing; letters are always written alike.
    if (first.kind != second.kind && !writes_letters(a.task)) a.answers.clear();
    // Foreign rows name no seed: their one column goes with the other's one, or with all.
    const bool one_each = a.seeds.size() == 1 && b.seeds.size() == 1;
    pairing.seeds = one_each ? stats::SeedPairing::in_order : stats::SeedPairing::by_label;
    if (!one_each && first.kind == ResultFile::Kind::rows) a.computed_once = true;
    if (!one_each && second.kind == ResultFile::Kind::rows) b.computed_once = true;
    pairing.margins = margins_of(a.task, first, second, options);
    out.push_back(stats::compare(a, b, pairing));
    pairs.push_back(out.back().pair);
  }
  stats::apply_holm(pairs);
  for (std::size_t i = 0; i < out.size(); ++i) out[i].pair.holm_p = pairs[i].holm_p;
  return out;
}

}  // namespace tradeoff::report
