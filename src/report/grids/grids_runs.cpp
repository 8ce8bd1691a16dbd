#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "analysis/words.hpp"
#include "grids.hpp"

namespace tradeoff::report {
namespace {

std::string pair_name(const stats::PairSummary& pair) {
  return pair.a + " → " + pair.b;
}

std::string root_text(double variance) {
  return fmt::format("{:.2f}", 100 * std::sqrt(variance));
}

std::string root_text(const std::optional<double>& variance, const char* empty) {
  return variance ? root_text(*variance) : empty;
}

// "+1.2 (+0.1 to +2.3), p 0.031".
std::string told_text(const Analysis& analysis, const stats::PairSummary& pair) {
  if (!pair.delta.mean) return "no items";
  const auto told = told_interval(analysis, pair);
  if (!told) return points(*pair.delta.mean) + ", interval not estimable";
  return fmt::format("{} ({}), Holm p {}", points(*pair.delta.mean), points(told->interval),
                     p_value(pair.holm_p));
}

}  // namespace

Grid error_grid(const Analysis& analysis) {
  Grid grid{
      "Where the error of a difference lies.",
      "Standard errors in points; their squares add up to that of the whole. Questions: other "
      "questions of other databases or subjects, and each question's chance from run to run, "
      "which stands beside by itself. Runs: other seeds. Sampling: other answers to the same "
      "question; greedy answers have one. To halve the error: that many more, questions with "
      "as many more databases or subjects, if everything goes on to vary as it did.",
      {"task", "from → to", "s.e.", "questions", "of it question × run", "runs", "sampling",
       "to halve it"},
      2,
      {},
      {}};
  for (const stats::PairSummary& pair : analysis.summary.pairs) {
    const auto parts = pair.delta.variance();
    if (!parts || !pair.halving) continue;
    const char* no_runs = pair.computed_once ? "none: computed once" : "not estimable: one seed";
    grid.rows.push_back({task_title(pair.task), pair_name(pair), root_text(parts->total()),
                         root_text(parts->items), parts->runs ? root_text(parts->noise) : "-",
                         root_text(parts->runs, no_runs), root_text(parts->sampling, "one answer"),
                         stats::to_text(*pair.halving)});
  }
  return grid;
}

Grid sequence_grid(const Analysis& analysis) {
  Grid grid{
      "Adding seeds until it is clear.",
      "An interval that stays true however often one looks while seeds are added: all looks "
      "together err in at most 5 % of studies, near-normal runs taken for granted (a "
      "confidence sequence). The interval in the table of differences is for a number of seeds "
      "that was fixed before; whoever adds seeds until it excludes 0 errs more often. `tradeoff "
      "plan --next` tells which seeds to add.",
      {"task", "from → to", "seeds", "difference", "always valid 95 %", "± runs", "± questions",
       "excludes no change"},
      2,
      {},
      {}};
  for (const stats::PairSummary& pair : analysis.summary.pairs) {
    if (!pair.sequence) continue;
    const stats::Sequence& s = *pair.sequence;
    grid.rows.push_back({task_title(pair.task), pair_name(pair), std::to_string(pair.seeds),
                         points(*pair.delta.mean), points(s.ci95),
                         fmt::format("{:.1f}", 100 * s.runs_half),
                         fmt::format("{:.1f}", 100 * s.questions_half),
                         s.ci95.low > 0 || s.ci95.high < 0 ? "yes" : "no"});
  }
  return grid;
}

Grid posterior_grid(const Analysis& analysis) {
  const std::string gain = task_title(analysis.first_of(task::Kind::sql));
  const std::string loss = task_title(analysis.first_of(task::Kind::choice));
  Grid grid{
      "The trade-off as a posterior.",
      fmt::format("Beside the intervals and p above, not instead of them: probabilities given "
                  "a prior. Against {}. Prior: {}.",
                  analysis.reference, stats::prior_text()),
      {"arm", gain + ", 95 %", loss + ", 95 %", "gain on " + gain + " above",
       "loss on " + loss + " below", "probability of both"},
      1,
      {},
      {}};
  for (const ArmTradeoff& row : analysis.tradeoffs) {
    if (!row.posterior) {
      grid.notes.push_back(
          fmt::format("{}: {}.", row.arm, stats::not_estimable_text(row.no_posterior)));
      continue;
    }
    const stats::TradeoffPosterior& p = *row.posterior;
    for (const stats::Chance& c : p.chances) {
      grid.rows.push_back({row.arm, points(p.x95), points(p.y95), sized(c.gain), sized(c.loss),
                           fmt::format("{:.0f} %", 100 * c.p)});
    }
  }
  return grid;
}

Grid runs_grid(const Analysis& analysis) {
  Grid grid{
      "Runs that failed.",
      stats::failure_rule() +
          ". None is dropped by itself. Runs that did not fail say little of how often others "
          "would: the limit is Clopper-Pearson's, 95 %, one-sided, and no interval of this "
          "report covers a failure that it has not seen.",
      {"arm", "runs", "failed", "may fail, up to", "which"},
      1,
      {},
      {}};
  for (const ArmRuns& arm : analysis.runs) {
    std::vector<std::string> which;
    for (const stats::FailedRun& run : arm.failed)
      which.push_back(fmt::format("seed {}: {}", run.seed, fmt::join(run.reasons, "; ")));
    grid.rows.push_back({arm.arm, std::to_string(arm.runs), std::to_string(arm.failed.size()),
                         percent(stats::failure_limit(arm.failed.size(), arm.runs)),
                         which.empty() ? "none" : fmt::format("{}", fmt::join(which, ", "))});
  }
  return grid;
}

Grid without_failed_grid(const Analysis& analysis) {
  Grid grid{"With and without the failed runs.",
            "Differences in points with their 95 % intervals. Without: of the seeds that both arms "
            "have left; what the method gives when it does not fail.",
            {"task", "from → to", "seeds", "with", "seeds left", "without"},
            2,
            {},
            {}};
  if (analysis.pairs_without_failed.empty()) return grid;
  for (const stats::PairSummary& pair : analysis.summary.pairs) {
    const stats::PairSummary* left = nullptr;
    for (const stats::PairSummary& other : analysis.pairs_without_failed)
      if (other.a == pair.a && other.b == pair.b && other.task == pair.task) left = &other;
    if (left && left->seeds == pair.seeds) continue;
    grid.rows.push_back({task_title(pair.task), pair_name(pair), std::to_string(pair.seeds),
                         told_text(analysis, pair), left ? std::to_string(left->seeds) : "0",
                         left ? told_text(analysis, *left) : "nothing left"});
  }
  return grid;
}

}  // namespace tradeoff::report
