#include "analysis/words.hpp"
#include "grids/reviewed.hpp"
#include "grids/robustness.hpp"
#include "tradeoff/report/page/tables.hpp"

namespace tradeoff::report {
namespace {

Json cost_json(const Analysis& analysis) {
  Json cost = Json::object();
  for (const ArmLedger& c : analysis.costs) {
    cost[c.arm] = {{"train_s", c.train_s},
                   {"predict_s", c.predict_s},
                   {"tokens", c.tokens},
                   {"device_hours", c.device_hours},
                   {"cells", c.cells},
                   {"starts", c.starts},
                   {"cut_starts", c.cut_starts},
                   {"redone_s", c.redone_s},
                   {"tokens_per_s", c.tokens_per_s ? Json(*c.tokens_per_s) : Json()},
                   {"peak_gib", c.peak_gib ? Json(*c.peak_gib) : Json()}};
  }
  return cost;
}

Json groups_json(const Analysis& analysis) {
  Json out = Json::object();
  for (const Grouping& grouping : analysis.groupings) {
    for (const auto& [arm, rows] : grouping.by_arm) {
      for (const stats::GroupAccuracy& row : rows) {
        out[grouping.task][grouping.name][row.label][arm] = {
            {"items", row.items},
            {"accuracy", row.accuracy},
            {"ci95", {row.ci95.low, row.ci95.high}}};
      }
    }
  }
  return out;
}

Json tradeoff_json(const Analysis& analysis) {
  Json out = Json::array();
  for (const ArmTradeoff& row : analysis.tradeoffs) {
    Json json = {{"a", analysis.reference},
                 {"b", row.arm},
                 {"over", row.over == stats::Over::items ? "items" : "items_and_seeds"}};
    if (row.result.tradeoff) {
      const Json figures = stats::to_json(*row.result.tradeoff);
      for (const auto& [key, value] : figures.items()) json[key] = value;
    } else {
      json["not_estimable"] = row.result.reason;
    }
    json["posterior"] = row.posterior ? stats::to_json(*row.posterior) : Json();
    json["posterior_prior"] = row.posterior ? stats::prior_text() : row.no_posterior;
    out.push_back(std::move(json));
  }
  return out;
}

Json runs_json(const Analysis& analysis) {
  Json arms = Json::object(), pairs = Json::array();
  for (const ArmRuns& arm : analysis.runs) {
    Json which = Json::array();
    for (const stats::FailedRun& run : arm.failed)
      which.push_back({{"seed", run.seed}, {"reasons", run.reasons}});
    arms[arm.arm] = {{"runs", arm.runs},
                     {"failed", which},
                     {"upper_limit", stats::failure_limit(arm.failed.size(), arm.runs)}};
  }
  for (const stats::PairSummary& pair : analysis.pairs_without_failed)
    pairs.push_back(stats::to_json(pair));
  return {{"rule", stats::failure_rule()}, {"arms", arms}, {"pairs_without", pairs}};
}

Json missing_json(const Study& study) {
  Json out = Json::array();
  for (const MissingCell& cell : study.missing) {
    out.push_back({{"arm", cell.arm}, {"seed", cell.seed}, {"task", cell.task}});
  }
  return out;
}

Json counts_json(const Analysis& analysis) {
  Json out = Json::object();
  for (const RowCounts& c : analysis.counts) {
    out[c.arm][c.task] = {
        {"rows", c.rows},       {"skipped", c.skipped},     {"shots_dropped", c.shots_dropped},
        {"cut_off", c.cut_off}, {"no_letter", c.no_letter}, {"longest_prompt", c.longest_prompt}};
  }
  return out;
}

}  // namespace

Json report_json(const Study& study, const Analysis& analysis) {
  Json json = {{"study", analysis.name}};
  const Json reduced = stats::to_json(analysis.summary);
  for (const auto& [key, value] : reduced.items()) json[key] = value;
  json["cost"] = cost_json(analysis);
  json["primary"] = results::name_of(analysis.primary);
  json["reference"] = analysis.reference;
  json["headline"] = headline(analysis);
  json["what_would_settle"] = what_would_settle(analysis);
  json["tradeoff"] = tradeoff_json(analysis);
  json["failed_runs"] = runs_json(analysis);
  if (Json reworded = robustness_json(analysis); !reworded.empty())
    json["robustness"] = std::move(reworded);
  if (!analysis.reviewed.empty()) json["reviewed"] = reviewed_json(analysis);
  json["plans"] = Json::array();
  for (const stats::PlanResult& plan : analysis.plans)
    json["plans"].push_back(stats::to_json(plan));
  json["groups"] = groups_json(analysis);
  json["error_classes"] = Json::object();
  for (const auto& [task, errors] : analysis.errors)
    for (const auto& [arm, classes] : errors.classes)
      for (const auto& [name, rows] : classes)
        if (name != "right") json["error_classes"][task][arm][name] = rows;
  json["counts"] = counts_json(analysis);
  for (const auto& [task, by_arm] : analysis.calibration)
    for (const auto& [arm, c] : by_arm) json["calibration"][task][arm] = stats::to_json(c);
  json["missing"] = missing_json(study);
  json["notes"] = study.notes;
  json["config"] = study.predictions.config;
  json["commit"] = study.predictions.commit;
  json["versions"] = study.predictions.versions;
  return json;
}

}  // namespace tradeoff::report
