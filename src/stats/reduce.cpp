#include "tradeoff/stats/reduce.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tradeoff/base/error.hpp"

namespace tradeoff::stats {
namespace {

std::string interval_text(const std::optional<StandardError>& error) {
  if (!error) return "not estimable";
  return fmt::format("{:+.1f} to {:+.1f}", 100 * error->ci95.low, 100 * error->ci95.high);
}

std::string headline(const PairSummary& pair) {
  if (!pair.delta.mean) return fmt::format("{} against {}: no common items", pair.b, pair.a);
  const double delta = 100 * *pair.delta.mean;
  const std::string direction = delta == 0 ? "as much as"
                                           : fmt::format("{:.1f} points {} than", std::abs(delta),
                                                         delta > 0 ? "more" : "fewer");
  return fmt::format("{}: {} scores {} {} (95 % interval {}; p {:.3g})", pair.task, pair.b,
                     direction, pair.a, interval_text(pair.delta.cluster), *pair.mcnemar_p);
}

std::string arm_line(const TaskSummary& arm) {
  if (!arm.accuracy.mean) return fmt::format("  {:<16} no items\n", arm.arm);
  return fmt::format(
      "  {:<16} {:5.1f} %  Wilson {:.1f} to {:.1f}  SE (clusters) {}  seed SD {}  {} items x {} "
      "seed{}"
      "{}\n",
      arm.arm, 100 * *arm.accuracy.mean, 100 * arm.wilson95->low, 100 * arm.wilson95->high,
      arm.accuracy.cluster ? fmt::format("{:.2f}", 100 * arm.accuracy.cluster->se)
                           : "not estimable",
      arm.accuracy.seed_sd ? fmt::format("{:.2f}", 100 * *arm.accuracy.seed_sd) : "not estimable",
      arm.items, arm.seeds, arm.seeds == 1 ? "" : "s",
      arm.unscored > 0 ? fmt::format("  ({} unscored, counted wrong)", arm.unscored) : "");
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
  if (out.pair.mcnemar_p) out.pair.holm_p = out.pair.mcnemar_p;  // a family of one
  return out;
}

std::string to_text(const Comparison& c) {
  const PairSummary& p = c.pair;
  std::string text = headline(p) + "\n" + arm_line(c.a) + arm_line(c.b);
  if (!p.delta.mean) return text;
  const auto line = [&text](const std::string& name, const std::string& value) {
    text += fmt::format("  {:<34} {}\n", name, value);
  };
  line("difference over clusters of items",
       fmt::format(
           "{:+.2f} points, SE {}, 95 % {}", 100 * *p.delta.mean,
           p.delta.cluster ? fmt::format("{:.2f}", 100 * p.delta.cluster->se) : "not estimable",
           interval_text(p.delta.cluster)));
  line("small-sample interval (CR2)", interval_text(p.delta.small_sample));
  line("cluster bootstrap", p.delta.bootstrap95
                                ? fmt::format("{:+.1f} to {:+.1f}", 100 * p.delta.bootstrap95->low,
                                              100 * p.delta.bootstrap95->high)
                                : "not estimable");
  line("over items and seeds", interval_text(p.delta.items_and_seeds));
  line("flips", fmt::format("{} wrong to right, {} right to wrong of {} ({:.1f} %)", p.n01, p.n10,
                            p.n, 100 * *p.flip_rate));
  line(p.seeds == 1 ? "exact McNemar" : "sign test of items over seeds",
       fmt::format("p {:.4g} ({} items better, {} worse)", *p.mcnemar_p, p.items_better,
                   p.items_worse));
  if (p.answer_change_rate) {
    line("answers changed",
         fmt::format("{:.1f} %, both wrong {:.1f} %", 100 * *p.answer_change_rate,
                     100 * *p.changed_both_wrong_rate));
  }
  if (p.n01 + p.n10 == 0) {
    line("no flip seen", fmt::format("at most {:.1f} % of items flip (95 %, one-sided)",
                                     100 * *p.flip_upper_limit));
  }
  for (const NotEstimable& empty : p.delta.reasons) {
    line(empty.figure, "not estimable: " + empty.reason);
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
