#include "tradeoff/report/analysis/pilot.hpp"

#include <algorithm>
#include <set>

#include "tradeoff/task/task.hpp"

namespace tradeoff::report {
namespace {

bool has(const std::vector<std::string>& names, const char* name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::vector<stats::ArmCost> pilot_costs(const Study& study, const std::string& a,
                                        const std::string& b, const std::string& task) {
  std::vector<stats::ArmCost> costs;
  for (const std::string& arm : {a, b}) {
    stats::ArmCost cost;
    cost.arm = arm;
    std::set<std::uint64_t> seeds;
    std::int64_t questions = 0;
    for (const results::LedgerEntry& row : study.ledger) {
      if (row.arm != arm) continue;
      const bool trains = row.task == results::kTrainingTask;
      if (!trains && row.task != task) continue;
      (trains ? cost.train_s : cost.predict_s) += row.seconds;
      cost.devices = std::max(cost.devices, static_cast<std::uint64_t>(row.ranks));
      if (trains) continue;
      seeds.insert(row.seed);
      questions += row.questions;
    }
    if (seeds.empty()) return {};
    cost.cells = seeds.size();
    cost.questions =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(questions) / seeds.size());
    for (const auto& [key, run] : study.predictions.runs) {
      if (key.arm == arm && key.task == task && run.attributes.contains("computed_once")) {
        cost.computed_once = true;
      }
    }
    costs.push_back(cost);
  }
  return costs;
}

std::vector<stats::PlanOptions> default_plans() {
  std::vector<stats::PlanOptions> plans;
  for (const std::size_t size : {0, 1}) {
    for (const task::Task& task : task::built_in_tasks()) {
      if (!task.by_default) continue;
      stats::PlanOptions& plan = plans.emplace_back();
      plan.task = task.name;
      plan.questions = task.plan.questions[size];
      plan.discordance = task.plan.discordance;
    }
  }
  return plans;
}

stats::PlanOptions plan_of_pilot(stats::PlanOptions options, const std::vector<std::string>& stated,
                                 const Study& study, const stats::ScoreTable& a,
                                 const stats::ScoreTable& b) {
  stats::PlanOptions out = stats::plan_from_pilot(options, a, b);
  if (has(stated, "discordance")) out.discordance = options.discordance;
  if (has(stated, "seed_correlation")) out.seed_correlation = options.seed_correlation;
  if (has(stated, "seed_sd")) out.seed_sd = options.seed_sd;
  if (has(stated, "clusters")) out.clusters = options.clusters;
  if (has(stated, "cluster_correlation")) out.cluster_correlation = options.cluster_correlation;
  if (has(stated, "cluster_size_cv")) out.cluster_size_cv = options.cluster_size_cv;
  if (!has(stated, "questions")) out.questions = std::max<std::size_t>(2, a.items.size());
  if (!has(stated, "seeds")) out.seeds = std::max(a.seeds.size(), b.seeds.size());
  if (!has(stated, "margin")) {
    for (const stats::TaskMargin& one : stored_margins(study.predictions))
      if (one.task == a.task) out.margin = stats::Margin{one.margin};
  }
  out.costs = pilot_costs(study, a.arm, b.arm, a.task);
  return out;
}

}  // namespace tradeoff::report
