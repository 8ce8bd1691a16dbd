#include <cmath>

#include "tradeoff/base/json_optional.hpp"
#include "tradeoff/stats/accuracy.hpp"
#include "tradeoff/stats/calibration.hpp"
#include "tradeoff/stats/paired.hpp"
#include "tradeoff/stats/tradeoff.hpp"

namespace tradeoff::stats {
namespace {

Json pair_of(const Interval& interval) {
  return Json::array({interval.low, interval.high});
}

using tradeoff::or_null;
Json or_null(const std::optional<Interval>& interval) {
  return interval ? pair_of(*interval) : Json();
}

Json error_json(const std::optional<StandardError>& error) {
  if (!error) return Json();
  return {{"se", error->se}, {"df", error->df}, {"ci95", pair_of(error->ci95)}};
}

// Keys that accuracies and differences have alike.
void append_estimate(Json& out, const MeanEstimate& estimate) {
  out["ci95_bootstrap"] = or_null(estimate.bootstrap95);
  out["small_sample"] = error_json(estimate.small_sample);
  out["items_and_seeds"] = error_json(estimate.items_and_seeds);
  out["variance_components"] = Json();
  if (const auto& c = estimate.components) {
    out["variance_components"] = {{"question", c->question},
                                  {"seed", c->seed},
                                  {"residual", c->residual},
                                  {"question_estimate", c->question_estimate},
                                  {"seed_estimate", c->seed_estimate}};
  }
  Json reasons = Json::object();
  for (const NotEstimable& empty : estimate.reasons) reasons[empty.figure] = empty.reason;
  out["not_estimable"] = std::move(reasons);
}

Json variance_json(const MeanEstimate& estimate) {
  const auto parts = estimate.variance();
  return {{"items", parts ? Json(parts->items) : Json()},
          {"runs", parts ? or_null(parts->runs) : Json()},
          {"sampling", parts ? or_null(parts->sampling) : Json()}};
}

Json halving_json(const std::optional<Halving>& halving) {
  if (!halving) return Json();
  Json out = {{"questions", or_null(halving->questions)},
              {"seeds", or_null(halving->seeds)},
              {"samples", or_null(halving->samples)},
              {"both", Json()}};
  if (const auto& both = halving->both)
    out["both"] = {{"questions", both->questions}, {"seeds", both->seeds}};
  return out;
}

std::optional<Interval> cluster_interval(const MeanEstimate& estimate) {
  if (!estimate.cluster) return std::nullopt;
  return estimate.cluster->ci95;
}

std::optional<double> cluster_se(const MeanEstimate& estimate) {
  if (!estimate.cluster) return std::nullopt;
  return estimate.cluster->se;
}

}  // namespace

Json to_json(const TaskSummary& s) {
  Json out;
  out["n"] = s.n;
  out["items"] = s.items;
  out["seeds"] = s.seeds;
  out["accuracy"] = or_null(s.accuracy.mean);
  out["ci95"] = or_null(s.ci95);
  out["wilson95"] = or_null(s.wilson95);
  out["se_cluster"] = or_null(cluster_se(s.accuracy));
  out["clusters"] = s.clusters;
  out["seed_sd"] = or_null(s.accuracy.seed_sd);
  out["metrics"] = Json::object();
  for (const TaskSummary::Metric& metric : s.metrics) {
    out["metrics"][metric.name] = or_null(metric.mean);
  }
  if (s.samples) append_metrics(out["metrics"], *s.samples);
  out["floors"] = Json::object();
  out["floor_counts"] = Json::object();
  for (const Floor& floor : s.floors) {
    const double items = static_cast<double>(floor.items);
    out["floors"][floor.name] =
        floor.items > 0 ? Json(static_cast<double>(floor.right) / items) : Json();
    out["floor_counts"][floor.name] = Json::array({floor.right, floor.items});
  }
  out["unscored"] = s.unscored;
  out["gold_errors"] = s.gold_errors;
  out["by_seed"] = Json::array();
  for (const SeedAccuracy& seed : s.by_seed) {
    out["by_seed"].push_back({{"seed", seed.seed}, {"accuracy", seed.accuracy}});
  }
  out["ci95_cluster"] = or_null(cluster_interval(s.accuracy));
  append_estimate(out, s.accuracy);
  if (s.samples) {
    out["samples"] = s.samples->samples;
    out["vote_ci95"] = pair_of(s.samples->vote95);
    out["agreement_calibration"] = to_json(s.samples->calibration);
  }
  return out;
}

Json to_json(const PairSummary& p) {
  Json out;
  out["a"] = p.a;
  out["b"] = p.b;
  out["task"] = p.task;
  out["delta"] = or_null(p.delta.mean);
  out["se_cluster"] = or_null(cluster_se(p.delta));
  const auto& told = p.delta.told();
  out["ci95"] = told ? pair_of(told->ci95) : Json();
  out["df"] = told ? Json(told->df) : Json();
  out["p"] = or_null(p.p);
  out["holm_p"] = or_null(p.holm_p);
  out["variance"] = variance_json(p.delta);
  out["halving"] = halving_json(p.halving);
  out["sequence"] = p.sequence ? to_json(*p.sequence) : Json();
  out["noninferiority"] = Json();
  if (const auto& n = p.noninferiority) {
    out["noninferiority"] = {{"margin", n->margin},
                             {"p", n->p},
                             {"p_equivalence", n->p_equivalence},
                             {"ci90", pair_of(n->ci90)}};
  }
  out["n01"] = p.n01;
  out["n10"] = p.n10;
  out["mcnemar_p"] = or_null(p.mcnemar_p);
  out["flip_rate"] = or_null(p.flip_rate);
  out["n"] = p.n;
  out["items"] = p.items;
  out["seeds"] = p.seeds;
  out["clusters"] = p.clusters;
  out["gold_errors"] = p.gold_errors;
  out["dropped_items"] = p.dropped_items;
  out["unpaired_seeds"] = p.unpaired_seeds;
  out["answer_change_rate"] = or_null(p.answer_change_rate);
  out["changed_both_wrong_rate"] = or_null(p.changed_both_wrong_rate);
  out["flip_upper_limit"] = or_null(p.flip_upper_limit);
  out["by_seed"] = Json::array();
  for (const SeedPair& seed : p.by_seed) {
    out["by_seed"].push_back({{"seed_a", seed.seed_a},
                              {"seed_b", seed.seed_b},
                              {"delta", seed.delta},
                              {"n01", seed.n01},
                              {"n10", seed.n10},
                              {"mcnemar_p", seed.mcnemar_p}});
  }
  if (p.samples_a + p.samples_b > 0) {
    out["samples"] = p.samples;
    out["samples_a"] = p.samples_a;
    out["samples_b"] = p.samples_b;
  }
  out["seed_sd"] = or_null(p.delta.seed_sd);
  out["ci95_cluster"] = or_null(cluster_interval(p.delta));
  append_estimate(out, p.delta);
  return out;
}

Json varies_over() {
  return {
      {"ci95",
       "clusters of items (databases, subjects), and seeds where there are several; a pair's by "
       "t with its df, an arm's Clopper-Pearson at the effective sample size"},
      {"p", "as ci95: the test that this interval is"},
      {"variance", "the parts of ci95's variance"},
      {"halving", "how many more of each would halve the error; questions with their clusters"},
      {"sequence",
       "as ci95, and true at every number of seeds at once: for adding seeds until it "
       "is clear"},
      {"noninferiority", "as ci95; one-sided against a loss of the margin"},
      {"wilson95", "items, taken as independent; one seed alone"},
      {"se_cluster", "clusters of items; seeds fixed"},
      {"ci95_cluster", "clusters of items; seeds fixed; t with clusters - 1 degrees of freedom"},
      {"small_sample",
       "clusters of items; seeds fixed; CR2 with Satterthwaite's degrees of freedom"},
      {"ci95_bootstrap", "clusters of items, resampled whole; seeds fixed"},
      {"seed_sd", "seeds; items fixed"},
      {"items_and_seeds", "clusters of items and seeds"},
      {"variance_components", "questions, seeds, and their interaction"},
      {"mcnemar_p", "items, taken as independent; these adapters, one seed alone"},
      {"holm_p", "p, adjusted over all pairs x tasks"}};
}

Json to_json(const Calibration& c) {
  Json bins = Json::array();
  for (const CalibrationBin& bin : c.bins) {
    bins.push_back({{"low", bin.low},
                    {"high", bin.high},
                    {"rows", bin.rows},
                    {"confidence", bin.rows > 0 ? Json(bin.confidence) : Json()},
                    {"accuracy", bin.rows > 0 ? Json(bin.accuracy) : Json()}});
  }
  Json out;
  out["rows"] = c.rows;
  out["runs"] = c.runs;
  out["expected_error"] = or_null(c.expected_error);
  out["expected_error_if_perfect"] = or_null(c.expected_error_if_perfect);
  out["mean_confidence"] = or_null(c.mean_confidence);
  out["accuracy"] = or_null(c.accuracy);
  out["brier"] = or_null(c.brier);
  out["bins"] = std::move(bins);
  return out;
}

Json to_json(const Tradeoff& t) {
  const auto difference = [](const Difference& d) {
    return Json{
        {"delta", d.delta}, {"se", d.se}, {"df", std::isfinite(d.df) ? Json(d.df) : Json()}};
  };
  Json out;
  out["x"] = difference(t.x);
  out["y"] = difference(t.y);
  out["correlation"] = t.correlation;
  out["critical"] = t.critical;
  out["half_width"] = Json::array({t.half_width[0], t.half_width[1]});
  out["excludes_no_change"] = t.excludes_no_change;
  out["ratio"] = or_null(t.ratio);
  out["ratio95"] = or_null(t.ratio95);
  out["not_estimable"] = t.not_estimable;
  return out;
}

}  // namespace tradeoff::stats
