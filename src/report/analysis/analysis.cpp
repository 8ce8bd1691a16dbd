#include "tradeoff/report/analysis/analysis.hpp"
#include "tradeoff/base/file_name.hpp"

#include <algorithm>
#include <cmath>

#include "analysis_parts.hpp"
#include "tradeoff/results/item_roles.hpp"
#include "tradeoff/results/reduce.hpp"

namespace tradeoff::report {
namespace {

using store::Strings;

// It becomes part of the names of exports.
std::string study_name(const store::Predictions& predictions) {
  const auto study = predictions.config.find("study");
  const std::string name =
      study == predictions.config.end() ? "study" : field_or<std::string>(*study, "name", "study");
  check_file_name("config: study.name", name);
  return name;
}

void add_grouping(Analysis& out, const std::string& task, const std::string& name,
                  const std::vector<std::string>& labels) {
  Grouping grouping{task, name, labels, {}, {}};
  const stats::ScoreTable* reference = out.table_of(out.reference, task);
  for (const stats::ScoreTable& table : out.tables) {
    if (table.task != task) continue;
    grouping.by_arm[table.arm] = stats::accuracy_by(table, labels);
    if (!reference || &table == reference) continue;
    if (!stats::share_seed(*reference, table, stats::SeedPairing::by_label)) continue;
    grouping.difference[table.arm] = stats::difference_by(*reference, table, labels);
  }
  out.groupings.push_back(std::move(grouping));
}

// Losses that are asked about: the stated margin, else one and two points.
void add_posterior(const stats::PairSummary& x, const stats::PairSummary& y, ArmTradeoff& row) {
  const auto of_x = stats::evidence_of(x), of_y = stats::evidence_of(y);
  row.no_posterior = of_x.evidence ? of_y.reason : of_x.reason;
  if (!of_x.evidence || !of_y.evidence) return;
  stats::PosteriorOptions options;
  if (y.noninferiority) options.losses = {y.noninferiority->margin};
  row.posterior = stats::tradeoff_posterior(*of_x.evidence, *of_y.evidence, options);
}

void add_tradeoffs(Analysis& out) {
  for (const std::string& arm : out.arms) {
    const stats::PairSummary* x = out.pair_of(out.reference, arm, out.first_of(task::Kind::sql));
    const stats::PairSummary* y = out.pair_of(out.reference, arm, out.first_of(task::Kind::choice));
    if (!x || !y) continue;
    ArmTradeoff row{arm, stats::Over::items_and_seeds, {}, {}, {}};
    row.result = stats::tradeoff(*x, *y, row.over);
    if (!row.result.tradeoff) {
      row.over = stats::Over::items;
      row.result = stats::tradeoff(*x, *y, row.over);
    }
    add_posterior(*x, *y, row);
    out.tradeoffs.push_back(std::move(row));
  }
}

// What the study could see, and what would halve that. Not the power for the difference that was
// seen: that is only its p in other words.
void add_plans(Analysis& out) {
  for (const stats::PairSummary& pair : out.summary.pairs) {
    if (pair.a != out.reference || pair.items < 2) continue;
    stats::PlanOptions options;
    options.task = pair.task;
    options.questions = std::max<std::uint64_t>(pair.items, 1);
    options.seeds = std::max<std::uint64_t>(pair.seeds, 1);
    options = stats::plan_from_pilot(options, *out.table_of(pair.a, pair.task),
                                     *out.table_of(pair.b, pair.task));
    options.basis = pair.a + " -> " + pair.b + ": " + options.basis;
    if (const auto all = stats::plan(options).detectable) options.difference = *all / 2;
    out.plans.push_back(stats::plan(options));
  }
}

}  // namespace

std::string Analysis::first_of(task::Kind kind) const {
  for (const std::string& task : tasks) {
    if (known.at(task).kind == kind) return task;
  }
  return "";
}

const stats::TaskSummary* Analysis::summary_of(const std::string& arm,
                                               const std::string& task) const {
  for (const stats::TaskSummary& s : summary.arms) {
    if (s.arm == arm && s.task == task) return &s;
  }
  return nullptr;
}

const stats::PairSummary* Analysis::pair_of(const std::string& a, const std::string& b,
                                            const std::string& task) const {
  for (const stats::PairSummary& p : summary.pairs) {
    if (p.a == a && p.b == b && p.task == task) return &p;
  }
  return nullptr;
}

const stats::ScoreTable* Analysis::table_of(const std::string& arm, const std::string& task) const {
  for (const stats::ScoreTable& t : tables) {
    if (t.arm == arm && t.task == task) return &t;
  }
  return nullptr;
}

std::string task_title(const std::string& task) {
  const task::Task* known = task::find_task(task);
  return known ? known->words.title : task;
}

Analysis analyse(const Study& study) {
  const store::Predictions& predictions = study.predictions;
  Analysis out;
  out.name = study_name(predictions);
  out.primary = results::primary_of(predictions);
  out.arms = results::arm_order(predictions);
  out.tasks = results::task_order(predictions);
  for (const std::string& name : out.tasks) out.known[name] = results::task_of(predictions, name);
  if (!out.arms.empty()) out.reference = out.arms.front();
  if (std::ranges::find(out.arms, "base") != out.arms.end()) out.reference = "base";
  // The reference first, so that it is `a` of its pairs.
  std::ranges::stable_partition(out.arms, [&](const auto& arm) { return arm == out.reference; });
  out.tables = results::score_tables(predictions, out.primary);
  std::ranges::stable_partition(out.tables,
                                [&](const auto& table) { return table.arm == out.reference; });
  stats::share_gold_errors(out.tables);
  stats::PairOptions pairing;
  pairing.margins = stored_margins(predictions);
  out.summary = stats::reduce(out.tables, results::stored_floors(predictions), pairing);
  for (const std::string& name : out.tasks) {
    const store::Table& items = predictions.items.at(name);
    const task::Task& task = out.task(name);
    const results::ItemRoles roles = results::roles_of(task.kind);
    const auto add = [&](const std::string& label, std::string_view column) {
      const Strings& labels = items.at<Strings>(column);
      const bool alike =
          std::ranges::all_of(labels, [&](const auto& one) { return one == labels.front(); });
      // Data of one's own may have one database, or no groups: nothing to tell apart.
      if (task::find_task(name) || !alike) add_grouping(out, name, label, labels);
    };
    add(task.words.level, roles.level.name);
    if (items.has(task.words.label)) add(task.words.label, task.words.label);
    add(task.words.cluster, roles.cluster.name);
  }
  find_failed(study, pairing, out);
  add_tradeoffs(out);
  add_plans(out);
  count_rows(study, out);
  count_errors(study, out);
  calibrate(study, out);
  tell_sampling(study, out);
  tell_until(study, out);
  review(study, out);
  add_costs(study, out);
  return out;
}

}  // namespace tradeoff::report
