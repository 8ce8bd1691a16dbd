#include <fmt/format.h>

#include <cmath>

#include "analysis/words.hpp"
#include "grids.hpp"

namespace tradeoff::report {
namespace {

std::string interval_text(const std::optional<stats::StandardError>& error) {
  return error ? points(error->ci95) : "not estimable";
}

std::string root_text(const std::optional<double>& variance) {
  return variance ? fmt::format("{:.1f}", 100 * std::sqrt(*variance)) : "not estimable";
}

}  // namespace

Grid pairs_grid(const Analysis& analysis) {
  Grid grid{"Paired differences, in points.",
            "The same questions and few-shot examples. The first interval varies over clusters of "
            "questions (databases, subjects) at these seeds, the second over seeds too. p is the "
            "test that the wider of these intervals is, with df degrees of freedom; Holm over all "
            "rows. Standard errors by source: other questions, other runs. McNemar: exact, for "
            "these adapters, one seed alone. To right, to wrong: verdicts that changed.",
            {"task", "from → to", "difference", "95 % (clusters)", "95 % (and seeds)", "p", "df",
             "Holm p", "s.e. questions", "s.e. runs", "to right", "to wrong", "McNemar p", "flips",
             "other answers"},
            2,
            {},
            {}};
  for (const stats::PairSummary& pair : analysis.summary.pairs) {
    if (!pair.delta.mean) continue;
    const auto& told = pair.delta.told();
    const auto parts = pair.delta.variance();
    grid.rows.push_back({task_title(pair.task), pair.a + " → " + pair.b, points(*pair.delta.mean),
                         interval_text(pair.delta.small_sample),
                         interval_text(pair.delta.items_and_seeds), p_value(pair.p),
                         told ? fmt::format("{:.1f}", told->df) : "-", p_value(pair.holm_p),
                         parts ? root_text(parts->items) : "not estimable",
                         parts ? root_text(parts->runs) : "not estimable", std::to_string(pair.n01),
                         std::to_string(pair.n10), pair.mcnemar_p ? p_value(pair.mcnemar_p) : "-",
                         percent(pair.flip_rate), percent(pair.answer_change_rate)});
    if (const auto& n = pair.noninferiority) {
      grid.notes.push_back(fmt::format(
          "{}, {} → {}: against a loss of {} or more p {} (non-inferiority); within ±{} "
          "p {}, 90 % interval {} (equivalence, two one-sided tests).",
          task_title(pair.task), pair.a, pair.b, sized(n->margin), p_value(n->p), sized(n->margin),
          p_value(n->p_equivalence), points(n->ci90)));
    }
    if (pair.gold_errors > 0) {
      grid.notes.push_back(fmt::format("{}: {} left out for all arms, their gold query fails.",
                                       task_title(pair.task),
                                       counted(pair.gold_errors, "question")));
    }
    if (pair.unpaired_seeds > 0) {
      grid.notes.push_back(fmt::format("{}, {} → {}: {} without a partner left out.",
                                       task_title(pair.task), pair.a, pair.b,
                                       counted(pair.unpaired_seeds, "seed column")));
    }
    if (pair.n01 + pair.n10 == 0) {
      grid.notes.push_back(fmt::format(
          "{}, {} → {}: no verdict changed; at most {} of questions do (95 %, one-sided).",
          task_title(pair.task), pair.a, pair.b, percent(pair.flip_upper_limit)));
    }
    if (pair.seeds == 2 && told) {
      grid.notes.push_back(fmt::format(
          "{}, {} → {}: two seeds say almost nothing of how much runs differ; the interval and p "
          "hold on average, this one may be far off.",
          task_title(pair.task), pair.a, pair.b));
    }
    if (pair.seeds == 1 && !pair.computed_once) {
      grid.notes.push_back(
          fmt::format("{}, {} → {}: one seed, so what another seed would give is not estimable.",
                      task_title(pair.task), pair.a, pair.b));
    }
  }
  return grid;
}

Grid tradeoff_grid(const Analysis& analysis) {
  const std::string gain = task_title(analysis.first_of(task::Kind::sql));
  const std::string loss = task_title(analysis.first_of(task::Kind::choice));
  Grid grid{"The trade-off.",
            fmt::format("Against {}. The ratio has Fieller's interval and is told only where the "
                        "{} difference can be told from none.",
                        analysis.reference, gain),
            {"arm", gain + " points", loss + " points", "joint region excludes no change",
             fmt::format("{} points for a {} point", loss, gain)},
            1,
            {},
            {}};
  for (const ArmTradeoff& row : analysis.tradeoffs) {
    if (!row.result.tradeoff) {
      grid.rows.push_back({row.arm, "-", "-", "-", stats::not_estimable_text(row.result.reason)});
      continue;
    }
    const stats::Tradeoff& t = *row.result.tradeoff;
    const auto axis = [](const stats::Difference& d, double half) {
      return fmt::format("{} ± {:.1f}", points(d.delta), 100 * half);
    };
    grid.rows.push_back({row.arm, axis(t.x, t.half_width[0]), axis(t.y, t.half_width[1]),
                         t.excludes_no_change ? "yes" : "no",
                         t.ratio ? fmt::format("{:+.2f} ({:+.2f} to {:+.2f})", *t.ratio,
                                               t.ratio95->low, t.ratio95->high)
                                 : stats::not_estimable_text(t.not_estimable)});
    grid.notes.push_back(fmt::format(
        "{}: the region varies over {}.", row.arm,
        row.over == stats::Over::items_and_seeds
            ? "databases, subjects and seeds"
            : "databases and subjects, at these seeds; the variance over seeds is not estimable"));
  }
  return grid;
}

Grid plan_grid(const Analysis& analysis) {
  Grid grid{"What would settle it.",
            "From the upper limits of this study's own discordance, clustering and runs: the "
            "true difference found four times in five, the loss that is ruled out as often where "
            "there is none, and what finding half that difference would take. Found: told by the "
            "two-sided 5 % test of the difference's own interval, before Holm's adjustment.",
            {"task", "from → to", "questions × seeds", "discordant", "detectable", "margin",
             "questions for half", "seeds for half"},
            2,
            {},
            {}};
  for (const stats::PlanResult& plan : analysis.plans) {
    const stats::PlanOptions& o = plan.options;
    const auto count = [](const std::optional<std::uint64_t>& n) {
      return n ? thousands(static_cast<std::int64_t>(*n)) : std::string("-");
    };
    std::string who = o.basis.substr(0, o.basis.find(':'));
    if (const auto at = who.find("->"); at != std::string::npos) who.replace(at, 2, "→");
    grid.rows.push_back(
        {task_title(o.task), who, fmt::format("{} × {}", o.questions, o.seeds),
         percent(o.discordance),
         plan.detectable ? fmt::format("{:.1f}", 100 * *plan.detectable) : "-",
         plan.detectable_margin ? fmt::format("{:.1f}", 100 * *plan.detectable_margin) : "-",
         count(plan.questions_needed), count(plan.seeds_needed)});
  }
  if (!analysis.plans.empty()) {
    for (const std::string& line : analysis.plans.front().assumptions) {
      grid.notes.push_back("Assumes: " + line + ".");
    }
  }
  return grid;
}

}  // namespace tradeoff::report
