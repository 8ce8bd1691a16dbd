#include "reviewed.hpp"

#include <fmt/format.h>

#include "analysis/words.hpp"
#include "tradeoff/base/json_optional.hpp"

namespace tradeoff::report {
namespace {

std::string accuracy_text(const stats::TaskSummary& s) {
  if (!s.accuracy.mean) return "no items";
  return fmt::format("{} ({})", percent(*s.accuracy.mean),
                     s.ci95 ? percents(*s.ci95) : "not estimable");
}

std::string effect_text(const Analysis& analysis, const stats::PairSummary& pair) {
  if (!pair.delta.mean) return "-";
  const auto told = told_interval(analysis, pair);
  return fmt::format("{} ({})", points(*pair.delta.mean),
                     told ? points(told->interval) : "not estimable");
}

Json interval_json(const std::optional<stats::Interval>& interval) {
  return interval ? Json({interval->low, interval->high}) : Json();
}

Json pair_json(const stats::PairSummary& pair) {
  const auto& told = pair.delta.told();
  return {{"items", pair.items},
          {"delta", or_null(pair.delta.mean)},
          {"ci95", told ? interval_json(told->ci95) : Json()},
          {"p", or_null(pair.p)}};
}

}  // namespace

Grid reviewed_accuracy_grid(const Reviewed& reviewed) {
  const auto headed = [&](const char* what, Judged judged) {
    return fmt::format("{} ({})", what, counted(reviewed.items[judged], "question"));
  };
  Grid grid{
      fmt::format("{}: as published, corrected, clean.", task_title(reviewed.task)),
      "Accuracy with its 95 % interval: by the published key; by the key as experts corrected "
      "it, where they name one; by the published key on the questions without a known fault.",
      {"arm", headed("published key", Judged::published),
       headed("corrected key", Judged::corrected), headed("clean questions", Judged::clean)},
      1,
      {},
      {}};
  for (const auto& [arm, by_key] : reviewed.arms) {
    grid.rows.push_back({arm});
    for (const Judged judged : kJudged) grid.rows.back().push_back(accuracy_text(by_key[judged]));
  }
  return grid;
}

Grid reviewed_effect_grid(const Analysis& analysis, const Reviewed& reviewed) {
  Grid grid{fmt::format("{}: the effect with and without the suspect questions.",
                        task_title(reviewed.task)),
            fmt::format("Paired difference from {} in points, with its 95 % interval.",
                        analysis.reference),
            {"arm", "all, published key", "corrected key", "clean questions alone"},
            1,
            {},
            {}};
  for (const auto& [arm, by_key] : reviewed.pairs) {
    grid.rows.push_back({arm});
    for (const Judged judged : kJudged)
      grid.rows.back().push_back(effect_text(analysis, by_key[judged]));
  }
  return grid;
}

Json reviewed_json(const Analysis& analysis) {
  Json out = Json::object();
  for (const Reviewed& reviewed : analysis.reviewed) {
    Json& task = out[reviewed.task];
    task["arms"] = Json::object();
    task["pairs"] = Json::array();
    for (const auto& [arm, by_key] : reviewed.arms)
      for (const Judged judged : kJudged) {
        const stats::TaskSummary& s = by_key[judged];
        task["arms"][arm][name_of(judged)] = {{"items", s.items},
                                              {"accuracy", or_null(s.accuracy.mean)},
                                              {"ci95", interval_json(s.ci95)}};
      }
    for (const auto& [arm, by_key] : reviewed.pairs) {
      Json pair = {{"a", analysis.reference}, {"b", arm}};
      for (const Judged judged : kJudged) pair[name_of(judged)] = pair_json(by_key[judged]);
      task["pairs"].push_back(std::move(pair));
    }
  }
  return out;
}

}  // namespace tradeoff::report
