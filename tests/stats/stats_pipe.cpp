// Answers statistics problems, one JSON object a line, for stats_golden.py.
#include <cmath>
#include <iostream>
#include <limits>

#include "tradeoff/base/error.hpp"
#include "tradeoff/stats/calibration.hpp"
#include "tradeoff/stats/plan.hpp"
#include "tradeoff/stats/reduce.hpp"
#include "tradeoff/stats/tradeoff.hpp"

namespace tradeoff::stats {
namespace {

ScoreTable table_of(const Json& in, const std::string& arm) {
  ScoreTable table;
  table.arm = arm;
  table.task = "task";
  table.clusters = in.at("clusters").get<std::vector<std::string>>();
  table.strata = in.at("strata").get<std::vector<std::string>>();
  table.seeds = in.at("seeds").get<std::vector<std::uint64_t>>();
  for (std::size_t i = 0; i < table.clusters.size(); ++i) {
    table.items.push_back(std::to_string(i));
  }
  for (const Json& score : in.at(arm)) {
    table.scores.push_back(score.is_null() ? std::nullopt : std::optional(score.get<double>()));
  }
  table.gold_error = in.at("gold_error").get<std::vector<std::uint8_t>>();
  return table;
}

Json optional_json(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

Json study(const Json& in) {
  const ScoreTable a = table_of(in, "a"), b = table_of(in, "b");
  PairOptions options;
  options.bootstrap.draws = in.at("draws").get<std::uint32_t>();
  options.bootstrap.seed = in.at("bootstrap_seed").get<std::uint64_t>();
  options.margins = {{"task", 0.03}};
  Json out = to_json(compare(a, b, options));
  out["margin"] = options.margins[0].margin;
  options.bootstrap.limits = BootstrapOptions::Limits::percentile;
  out["percentile"] = to_json(compare_pair(a, b, options)).at("ci95_bootstrap");
  std::vector<StratumWeight> weights;
  for (const auto& [label, weight] : in.at("weights").items()) {
    weights.push_back({label, weight.get<double>()});
  }
  const Averages mean = averages(a, weights);
  out["averages"] = {{"micro", optional_json(mean.micro)},
                     {"micro_se", optional_json(mean.micro_se)},
                     {"macro", optional_json(mean.macro)},
                     {"macro_se", optional_json(mean.macro_se)},
                     {"stratified", optional_json(mean.stratified)},
                     {"stratified_se", optional_json(mean.stratified_se)},
                     {"stratified_cluster_se", optional_json(mean.stratified_cluster_se)}};
  const ItemScores d = paired_differences(a, b);
  if (d.clusters >= 2) {
    const ClusterShape shape = cluster_shape(d.item_means(), d.cluster, d.clusters);
    out["shape"] = {shape.correlation, shape.size_cv};
  }
  return out;
}

Json choices(const Json& in) {
  std::vector<ChoiceRow> rows;
  for (const Json& row : in.at("rows")) {
    rows.push_back(
        {row.at("logprobs").get<std::vector<double>>(), row.at("gold").get<std::size_t>()});
  }
  return to_json(calibration(rows, in.at("bins").get<std::size_t>()));
}

Difference difference_of(const Json& in) {
  return {in.at(0).get<double>(), in.at(1).get<double>(),
          in.at(2).is_null() ? std::numeric_limits<double>::infinity() : in.at(2).get<double>()};
}

Json planned(const Json& in) {
  PlanOptions o;
  o.questions = in.at("questions").get<std::uint64_t>();
  o.seeds = in.at("seeds").get<std::uint64_t>();
  o.discordance = in.at("discordance").get<double>();
  o.difference = in.at("difference").get<double>();
  o.seed_correlation = in.at("seed_correlation").get<double>();
  o.seed_sd = in.at("seed_sd").get<double>();
  o.clusters = in.at("clusters").get<std::uint64_t>();
  o.cluster_correlation = in.at("cluster_correlation").get<double>();
  o.cluster_size_cv = in.at("cluster_size_cv").get<double>();
  return to_json(plan(o));
}

Json answer(const Json& in) {
  const std::string what = in.at("what").get<std::string>();
  if (what == "study") return study(in);
  if (what == "calibration") return choices(in);
  if (what == "plan") return planned(in);
  if (what == "holm") return holm(in.at("p").get<std::vector<double>>());
  if (what == "noninferiority") {
    const Difference d = difference_of(in.at("difference"));
    const auto test =
        noninferiority(d.delta, StandardError{d.se, d.df, {}}, in.at("margin").get<double>());
    return {test->p, test->p_equivalence, test->ci90.low, test->ci90.high,
            *interval_p(d.delta, StandardError{d.se, d.df, {}})};
  }
  if (what == "tradeoff") {
    return to_json(tradeoff(difference_of(in.at("x")), difference_of(in.at("y")),
                            in.at("correlation").get<double>()));
  }
  if (what == "mcnemar_power") {
    return mcnemar_power(in.at("n").get<std::uint64_t>(), in.at("discordance").get<double>(),
                         in.at("difference").get<double>(), in.at("alpha").get<double>());
  }
  fail("unknown problem " + what);
}

}  // namespace
}  // namespace tradeoff::stats

int main() {
  try {
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << tradeoff::stats::answer(tradeoff::Json::parse(line)).dump() << "\n";
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
