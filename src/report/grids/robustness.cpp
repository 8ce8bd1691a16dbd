#include "robustness.hpp"

#include "analysis/words.hpp"

namespace tradeoff::report {
namespace {

std::string accuracy_text(const stats::TaskSummary& s) {
  return s.accuracy.mean ? percent(*s.accuracy.mean) : "no items";
}

std::string loss_text(const stats::PairSummary& pair) {
  return pair.delta.mean ? points(*pair.delta.mean) : "-";
}

std::string interval_text(const Analysis& analysis, const RobustnessPair& row) {
  stats::PairSummary pair = row.result.pair;
  pair.task = row.task;
  const auto told = told_interval(analysis, pair);
  return told ? points(told->interval) + " " + told->over : "not estimable";
}

}  // namespace

std::vector<RobustnessPair> robustness(const Analysis& analysis) {
  std::vector<RobustnessPair> rows;
  for (const std::string& name : analysis.tasks) {
    const std::string& original = analysis.task(name).pair_of;
    if (original.empty() || !analysis.known.contains(original)) continue;
    for (const std::string& arm : analysis.arms) {
      const stats::ScoreTable* a = analysis.table_of(arm, original);
      const stats::ScoreTable* other = analysis.table_of(arm, name);
      if (!a || !other || !stats::share_seed(*a, *other, stats::SeedPairing::by_label)) continue;
      stats::ScoreTable b = *other;
      b.task = a->task;  // the same questions, so that the two can be paired
      stats::PairOptions options;
      options.items = stats::Unmatched::drop;
      rows.push_back({arm, original, name, stats::compare(*a, b, options)});
    }
  }
  std::vector<stats::PairSummary> pairs;
  for (const RobustnessPair& row : rows) pairs.push_back(row.result.pair);
  stats::apply_holm(pairs);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].result.pair.holm_p = pairs[i].holm_p;
  return rows;
}

Grid robustness_grid(const Analysis& analysis) {
  Grid grid{"The same questions in other words.",
            "Accuracy on the questions as they are and as they are reworded, and the paired "
            "difference, in points, with its 95 % interval; Holm over the rows of this table.",
            {"arm", "original", "reworded", "accuracy, original", "accuracy, reworded",
             "difference", "95 % interval", "Holm p", "only original right", "only reworded right"},
            3,
            {},
            {}};
  for (const RobustnessPair& row : robustness(analysis)) {
    const stats::PairSummary& pair = row.result.pair;
    grid.rows.push_back({row.arm, task_title(row.original), task_title(row.task),
                         accuracy_text(row.result.a), accuracy_text(row.result.b), loss_text(pair),
                         interval_text(analysis, row), p_value(pair.holm_p),
                         std::to_string(pair.n10), std::to_string(pair.n01)});
  }
  return grid;
}

Json robustness_json(const Analysis& analysis) {
  const auto or_null = [](const std::optional<double>& value) {
    return value ? Json(*value) : Json();
  };
  Json out = Json::array();
  for (const RobustnessPair& row : robustness(analysis)) {
    const stats::PairSummary& pair = row.result.pair;
    const auto& told = pair.delta.told();
    out.push_back({{"arm", row.arm},
                   {"a", row.original},
                   {"b", row.task},
                   {"items", pair.items},
                   {"seeds", pair.seeds},
                   {"accuracy_a", or_null(row.result.a.accuracy.mean)},
                   {"accuracy_b", or_null(row.result.b.accuracy.mean)},
                   {"delta", or_null(pair.delta.mean)},
                   {"ci95", told ? Json({told->ci95.low, told->ci95.high}) : Json()},
                   {"p", or_null(pair.p)},
                   {"holm_p", or_null(pair.holm_p)},
                   {"n01", pair.n01},
                   {"n10", pair.n10}});
  }
  return out;
}

}  // namespace tradeoff::report
