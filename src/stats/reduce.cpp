#include "tradeoff/stats/reduce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tradeoff/base/error.hpp"

namespace tradeoff::stats {
namespace {

std::string interval_text(const std::optional<StandardError>& error) {
  if (!error) return "not estimable";
  return fmt::format("{:+.1f} to {:+.1f}", 100 * error->ci95.low, 100 * error->ci95.high);
}

// What the told interval varies over, in words.
std::string over(const PairSummary& pair) {
  if (pair.delta.items_and_seeds) return fmt::format("over items and {} seeds", pair.seeds);
  return pair.computed_once ? "over items" : "over items, this seed alone";
}

std::string headline(const PairSummary& pair) {
  if (!pair.delta.mean) return fmt::format("{} against {}: no common items", pair.b, pair.a);
  const double delta = 100 * *pair.delta.mean;
  const std::string direction = delta == 0 ? "as much as"
                                           : fmt::format("{:.1f} points {} than", std::abs(delta),
                                                         delta > 0 ? "more" : "fewer");
  const std::string sure = pair.p
                               ? fmt::format("95 % interval {} {}; p {:.3g}",
                                             interval_text(pair.delta.told()), over(pair), *pair.p)
                               : "interval and p not estimable";
  return fmt::format("{}: {} scores {} {} ({})", pair.task, pair.b, direction, pair.a, sure);
}

std::string arm_line(const TaskSummary& arm) {
  if (!arm.accuracy.mean) return fmt::format("  {:<16} no items\n", arm.arm);
  return fmt::format(
      "  {:<16} {:5.1f} %  95 % {:.1f} to {:.1f}  SE (clusters) {}  seed SD {}  {} items x {} "
      "seed{}"
      "{}\n",
      arm.arm, 100 * *arm.accuracy.mean, 100 * arm.ci95->low, 100 * arm.ci95->high,
      arm.accuracy.cluster ? fmt::format("{:.2f}", 100 * arm.accuracy.cluster->se)
                           : "not estimable",
      arm.accuracy.seed_sd ? fmt::format("{:.2f}", 100 * *arm.accuracy.seed_sd) : "not estimable",
      arm.items, arm.seeds, arm.seeds == 1 ? "" : "s",
      arm.unscored > 0 ? fmt::format("  ({} unscored, counted wrong)", arm.unscored) : "");
}

// Where the variance lies: what more questions and what more seeds could take away.
std::string variance_text(const VarianceParts& parts) {
  return fmt::format(
      "questions {:.2f}, runs {}", 100 * std::sqrt(parts.items),
      parts.runs ? fmt::format("{:.2f}", 100 * std::sqrt(*parts.runs)) : "not estimable: one seed");
}

std::string noninferiority_text(const Noninferiority& n) {
  return fmt::format(
      "loss below {:.3g} points: p {:.3g}; within +-{:.3g}: p {:.3g} (90 % {:+.1f} to "
      "{:+.1f})",
      100 * n.margin, n.p, 100 * n.margin, n.p_equivalence, 100 * n.ci90.low, 100 * n.ci90.high);
}

}  // namespace

StudySummary reduce(std::vector<ScoreTable> tables, std::span<const TaskFloors> floors,
                    const PairOptions& options) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const ScoreTable& table : tables) {
    if (!seen.emplace(table.task, table.arm).second) {
      fail(fmt::format("[{}] arm {} stands twice", table.task, table.arm));
    }
  }
  share_gold_errors(tables);
  StudySummary out;
  for (const ScoreTable& table : tables) {
    const auto of_task = std::ranges::find(floors, table.task, &TaskFloors::task);
    out.arms.push_back(summarize(table,
                                 of_task == floors.end() ? std::vector<Floor>{} : of_task->floors,
                                 options.bootstrap));
  }
  out.pairs = compare_all(tables, options);
  return out;
}

Json to_json(const StudySummary& study) {
  Json out;
  out["arms"] = Json::object();
  for (const TaskSummary& summary : study.arms) {
    out["arms"][summary.arm][summary.task] = to_json(summary);
  }
  out["pairs"] = Json::array();
  for (const PairSummary& pair : study.pairs) out["pairs"].push_back(to_json(pair));
  out["varies_over"] = varies_over();
  return out;
}

Comparison compare(const ScoreTable& a, const ScoreTable& b, const PairOptions& options) {
  AlignedTables aligned = align_items(a, b, options.items);
  ScoreTable both[] = {std::move(aligned.a), std::move(aligned.b)};
  share_gold_errors(both);
  Comparison out{summarize(both[0], {}, options.bootstrap),
                 summarize(both[1], {}, options.bootstrap),
                 compare_pair(both[0], both[1], options)};
  out.pair.dropped_items = aligned.dropped_a + aligned.dropped_b;
  out.pair.holm_p = out.pair.p;  // a family of one
  return out;
}

std::string to_text(const Comparison& c) {
  const PairSummary& p = c.pair;
  std::string text = headline(p) + "\n" + arm_line(c.a) + arm_line(c.b);
  if (!p.delta.mean) return text;
  const auto line = [&text](const std::string& name, const std::string& value) {
    text += fmt::format("  {:<34} {}\n", name, value);
  };
  if (const auto& told = p.delta.told()) {
    line("difference " + over(p),
         fmt::format("{:+.1f} points, SE {:.2f}, 95 % {}, t with {:.1f} df, p {:.4g}",
                     100 * *p.delta.mean, 100 * told->se, interval_text(told), told->df, *p.p));
    if (!p.computed_once) line("its error by source, points", variance_text(*p.delta.variance()));
  }
  if (p.noninferiority) line("non-inferiority", noninferiority_text(*p.noninferiority));
  line("over clusters of items, these seeds", interval_text(p.delta.small_sample));
  line("cluster bootstrap", p.delta.bootstrap95
                                ? fmt::format("{:+.1f} to {:+.1f}", 100 * p.delta.bootstrap95->low,
                                              100 * p.delta.bootstrap95->high)
                                : "not estimable");
  line("flips", fmt::format("{} wrong to right, {} right to wrong of {} ({:.1f} %)", p.n01, p.n10,
                            p.n, 100 * *p.flip_rate));
  if (p.mcnemar_p) {
    line("exact McNemar, these adapters", fmt::format("p {:.4g}, items independent", *p.mcnemar_p));
  }
  if (p.answer_change_rate) {
    line("answers changed",
         fmt::format("{:.1f} %, both wrong {:.1f} %", 100 * *p.answer_change_rate,
                     100 * *p.changed_both_wrong_rate));
  }
  for (const NotEstimable& empty : p.delta.reasons) {
    line(empty.figure, not_estimable_text(empty.reason));
  }
  if (p.dropped_items > 0)
    line("items in one file alone, left out", std::to_string(p.dropped_items));
  if (p.gold_errors > 0) line("gold errors, left out", std::to_string(p.gold_errors));
  if (p.unpaired_seeds > 0) line("seeds without a partner", std::to_string(p.unpaired_seeds));
  return text;
}

Json to_json(const Comparison& c) {
  // Two files may name their arm alike, so they stand as a and b.
  return {{"a", to_json(c.a)},
          {"b", to_json(c.b)},
          {"pair", to_json(c.pair)},
          {"varies_over", varies_over()}};
}

}  // namespace tradeoff::stats
