#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tradeoff/base/json_optional.hpp"
#include "tradeoff/stats/plan.hpp"

namespace tradeoff::stats {
namespace {

std::string points(const std::optional<double>& fraction) {
  return fraction ? fmt::format("{:.1f}", 100 * *fraction) : "-";
}

std::string percent(const std::optional<double>& fraction) {
  return fraction ? fmt::format("{:.0f} %", 100 * *fraction) : "-";
}

void append_needs(std::string& text, const PlanResult& result) {
  const PlanOptions& o = result.options;
  text += fmt::format(
      "  to find {:+.1f} points: power {} as planned{}", 100 * *o.difference, percent(result.power),
      result.power_mcnemar ? fmt::format(" ({} by exact McNemar)", percent(result.power_mcnemar))
                           : "");
  if (result.questions_needed) {
    text += fmt::format("; {} questions with {} seed{}", *result.questions_needed, o.seeds,
                        o.seeds == 1 ? "" : "s");
    if (result.device_hours_questions) {
      text += fmt::format(" ({:.2f} device hours)", *result.device_hours_questions);
    }
  }
  if (result.seeds_needed) {
    text += fmt::format("; {} seed{} with {} questions", *result.seeds_needed,
                        *result.seeds_needed == 1 ? "" : "s", o.questions);
    if (result.device_hours_seeds) {
      text += fmt::format(" ({:.2f} device hours)", *result.device_hours_seeds);
    }
  }
  text += "\n";
}

}  // namespace

std::string to_text(std::span<const PlanResult> plans) {
  std::string text = fmt::format(
      "{:<10} {:>9} {:>5} {:>10} {:>8} {:>18} {:>14} {:>14} {:>12}\n", "task", "questions", "seeds",
      "discordant", "se", "detectable points", "exact McNemar", "margin points", "device hours");
  for (const PlanResult& plan : plans) {
    const PlanOptions& o = plan.options;
    text += fmt::format("{:<10} {:>9} {:>5} {:>8.1f} % {:>8.2f} {:>18} {:>14} {:>14} {:>12}{}{}\n",
                        o.task, o.questions, o.seeds, 100 * o.discordance, 100 * plan.se,
                        points(plan.detectable), points(plan.detectable_mcnemar),
                        points(plan.detectable_margin),
                        plan.device_hours ? fmt::format("{:.2f}", *plan.device_hours) : "-",
                        o.pair.empty() ? "" : "  ", o.pair);
  }
  std::vector<std::string> last;
  for (const PlanResult& plan : plans) {
    const bool same = plan.assumptions == last;
    if (same && plan.notes.empty() && !plan.options.difference && !plan.options.margin) continue;
    const std::string& pair = plan.options.pair;
    text += fmt::format("\n{}{}{}, {} questions x {} seed{}\n", plan.options.task,
                        pair.empty() ? "" : ", ", pair, plan.options.questions, plan.options.seeds,
                        plan.options.seeds == 1 ? "" : "s");
    if (plan.options.difference) append_needs(text, plan);
    if (plan.options.margin) {
      text += fmt::format("  to rule out a loss of {:.3g} points where there is none: power {}\n",
                          100 * plan.options.margin->fraction, percent(plan.power_margin));
    }
    for (const std::string& note : plan.notes) text += "  " + note + "\n";
    for (const std::string& line : plan.assumptions) text += "  assumes: " + line + "\n";
    last = plan.assumptions;
  }
  return text;
}

Json to_json(const PlanResult& plan) {
  const PlanOptions& o = plan.options;
  Json out;
  out["task"] = o.task;
  out["questions"] = o.questions;
  out["seeds"] = o.seeds;
  out["discordance"] = o.discordance;
  out["difference"] = or_null(o.difference);
  out["alpha"] = o.alpha;
  out["wanted_power"] = o.power;
  out["comparisons"] = o.comparisons;
  out["seed_correlation"] = o.seed_correlation;
  out["seed_sd"] = or_null(o.seed_sd);
  out["clusters"] = o.clusters;
  out["cluster_correlation"] = o.cluster_correlation;
  out["cluster_size_cv"] = o.cluster_size_cv;
  out["basis"] = o.basis;
  out["se"] = plan.se;
  out["df"] = std::isfinite(plan.df) ? Json(plan.df) : Json();
  out["detectable"] = or_null(plan.detectable);
  out["margin"] = o.margin ? Json(o.margin->fraction) : Json();
  out["detectable_margin"] = or_null(plan.detectable_margin);
  out["power_margin"] = or_null(plan.power_margin);
  out["detectable_mcnemar"] = or_null(plan.detectable_mcnemar);
  out["power"] = or_null(plan.power);
  out["power_mcnemar"] = or_null(plan.power_mcnemar);
  out["questions_needed"] = or_null(plan.questions_needed);
  out["seeds_needed"] = or_null(plan.seeds_needed);
  out["device_hours"] = or_null(plan.device_hours);
  out["device_hours_questions"] = or_null(plan.device_hours_questions);
  out["device_hours_seeds"] = or_null(plan.device_hours_seeds);
  out["assumptions"] = plan.assumptions;
  out["notes"] = plan.notes;
  return out;
}

}  // namespace tradeoff::stats
