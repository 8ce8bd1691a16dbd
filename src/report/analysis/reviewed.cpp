#include <algorithm>

#include "analysis_parts.hpp"
#include "tradeoff/stats/paired.hpp"

namespace tradeoff::report {
namespace {

using store::Flags;

// The column of a run that judges so; published: the one that accuracy is of.
const store::RunColumn<Flags>& column_of(Judged judged) {
  static constexpr store::RunColumn<Flags> kColumns[] = {
      store::column::kCorrect, store::column::kCorrected, store::column::kClean};
  return kColumns[static_cast<std::size_t>(judged)];
}

// `table` with the scores of that column, on the items that it judges.
stats::ScoreTable judged_table(const Study& study, const stats::ScoreTable& table, Judged judged) {
  const std::size_t seeds = table.seeds.size();
  std::vector<const Flags*> columns;
  for (const std::uint64_t seed : table.seeds)
    columns.push_back(
        &study.predictions.runs.at({table.arm, seed, table.task}).rows.at(column_of(judged)));
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < table.items.size(); ++i)
    if ((*columns.front())[i] >= 0) kept.push_back(i);
  stats::ScoreTable out = stats::with_rows(table, kept);
  for (std::size_t at = 0; at < kept.size(); ++at)
    for (std::size_t s = 0; s < seeds; ++s) out.scores[at * seeds + s] = (*columns[s])[kept[at]];
  return out;
}

bool is_reviewed(const Study& study, const std::string& task) {
  return std::ranges::any_of(study.predictions.runs, [&](const auto& run) {
    return run.first.task == task && run.second.rows.has(store::column::kClean) &&
           run.second.rows.has(store::column::kCorrected);
  });
}

Reviewed review_task(const Study& study, const Analysis& out, const std::string& task) {
  Reviewed reviewed{task, {}, {}, {}};
  std::map<std::string, ByKey<stats::ScoreTable>> tables;
  for (const std::string& arm : out.arms) {
    const stats::ScoreTable* table = out.table_of(arm, task);
    if (!table) continue;
    ByKey<stats::TaskSummary> summaries;
    for (const Judged judged : kJudged) {
      tables[arm][judged] = judged_table(study, *table, judged);
      reviewed.items[judged] = tables[arm][judged].items.size();
      summaries[judged] = stats::summarize(tables[arm][judged]);
    }
    reviewed.arms.emplace_back(arm, std::move(summaries));
  }
  const auto reference = tables.find(out.reference);
  if (reference == tables.end()) return reviewed;
  for (const auto& [arm, summaries] : reviewed.arms) {
    const auto& of_arm = tables.at(arm);
    if (arm == out.reference ||
        !stats::share_seed(reference->second[Judged::published], of_arm[Judged::published],
                           stats::SeedPairing::by_label))
      continue;
    ByKey<stats::PairSummary> pairs;
    for (const Judged judged : kJudged)
      pairs[judged] = stats::compare_pair(reference->second[judged], of_arm[judged]);
    reviewed.pairs.emplace_back(arm, std::move(pairs));
  }
  return reviewed;
}

}  // namespace

const char* name_of(Judged judged) {
  constexpr const char* kNames[] = {"published", "corrected", "clean"};
  return kNames[static_cast<std::size_t>(judged)];
}

void review(const Study& study, Analysis& out) {
  for (const std::string& task : out.tasks)
    if (is_reviewed(study, task)) out.reviewed.push_back(review_task(study, out, task));
}

}  // namespace tradeoff::report
