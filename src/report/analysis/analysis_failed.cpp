#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "analysis_parts.hpp"
#include "tradeoff/stats/paired.hpp"
#include "words.hpp"

namespace tradeoff::report {
namespace {

using Reasons = std::map<std::pair<std::string, std::uint64_t>, std::vector<std::string>>;

void add_training(const Study& study, Reasons& reasons) {
  for (const auto& [cell, curve] : study.predictions.training) {
    const auto why = stats::training_failure(curve.at<store::Doubles>("loss"));
    if (why) reasons[cell].push_back(*why);
  }
}

void add_accuracy(const Analysis& analysis, Reasons& reasons) {
  for (const stats::ScoreTable& table : analysis.tables) {
    if (table.computed_once) continue;
    for (const stats::FarBelow& run : stats::runs_far_below(stats::item_scores(table))) {
      reasons[{table.arm, table.seeds[run.column]}].push_back(
          fmt::format("{}: {}, the median of the arm's other runs is {}", task_title(table.task),
                      percent(run.accuracy), percent(run.others)));
    }
  }
}

}  // namespace

void find_failed(const Study& study, const stats::PairOptions& pairing, Analysis& out) {
  Reasons reasons;
  add_training(study, reasons);
  add_accuracy(out, reasons);
  std::vector<stats::FailedRun> failed;
  for (const std::string& arm : out.arms) {
    std::set<std::uint64_t> seeds;
    for (const stats::ScoreTable& table : out.tables)
      if (table.arm == arm && !table.computed_once)
        seeds.insert(table.seeds.begin(), table.seeds.end());
    if (seeds.empty()) continue;
    ArmRuns runs{arm, seeds.size(), {}};
    for (const std::uint64_t seed : seeds) {
      const auto why = reasons.find({arm, seed});
      if (why != reasons.end()) runs.failed.push_back({arm, seed, why->second});
    }
    failed.insert(failed.end(), runs.failed.begin(), runs.failed.end());
    out.runs.push_back(std::move(runs));
  }
  if (failed.empty()) return;
  out.pairs_without_failed = stats::compare_all(stats::without_failed(out.tables, failed), pairing);
}

}  // namespace tradeoff::report
