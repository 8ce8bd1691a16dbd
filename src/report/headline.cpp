#include <fmt/format.h>

#include <cmath>

#include "words.hpp"

namespace tradeoff::report {
namespace {

std::string short_metric(const std::string& task) {
  return task == "spider" ? "Spider execution accuracy" : task_title(task) + " accuracy";
}

// One arm alone: where it stands, and between which floors.
std::string standing(const stats::TaskSummary& s) {
  if (!s.accuracy.mean) return fmt::format("{}: {} has no items.", s.arm, task_title(s.task));
  std::string text = fmt::format(
      "{} answers {} of {} {} right (95 % interval {}; {})", s.arm, percent(*s.accuracy.mean),
      thousands(static_cast<std::int64_t>(s.items)), task_title(s.task) + " questions",
      percents(*s.wilson95),
      s.seeds == 1 ? "one seed, so nothing is known of other seeds" : counted(s.seeds, "seed"));
  for (const stats::Floor& floor : s.floors) {
    if (floor.items == 0 || (floor.name != "always_empty" && floor.name != "majority_letter"))
      continue;
    const double rate = static_cast<double>(floor.right) / static_cast<double>(floor.items);
    text += fmt::format("; {} would get {}",
                        floor.name == "always_empty" ? "always answering with no rows"
                                                     : "always answering the commonest letter",
                        percent(rate));
  }
  return text + ".";
}

// "raised", "lowered", or that it cannot be told; the interval decides, p stands beside it.
std::string difference(const Analysis& analysis, const stats::PairSummary& pair) {
  const stats::TaskSummary* a = analysis.summary_of(pair.a, pair.task);
  const stats::TaskSummary* b = analysis.summary_of(pair.b, pair.task);
  if (!pair.delta.mean || !a || !b) {
    return fmt::format("{}: {} and {} have no item in common.", task_title(pair.task), pair.a,
                       pair.b);
  }
  const double delta = *pair.delta.mean;
  const auto told = told_interval(pair);
  const std::string scores =
      fmt::format("from {} to {}", percent(*a->accuracy.mean), percent(*b->accuracy.mean));
  const std::string sure =
      fmt::format("{} points{}, Holm p {}", points(delta),
                  told ? fmt::format(", 95 % interval {} {}", points(told->interval), told->over)
                       : ", interval not estimable from one cluster",
                  p_value(pair.holm_p));
  const bool told_apart = told && (told->interval.low > 0 || told->interval.high < 0);
  if (told_apart) {
    return fmt::format("{} {} {} {} ({}){}.", pair.b, delta > 0 ? "raised" : "lowered",
                       short_metric(pair.task), scores, sure,
                       pair.holm_p && *pair.holm_p > 0.05
                           ? "; the exact test, adjusted for all comparisons, is less sure"
                           : "");
  }
  return fmt::format("{}: {} went {}, which cannot be told from no change ({}).", pair.b,
                     short_metric(pair.task), scores, sure);
}

std::optional<std::string> cost_sentence(const Analysis& analysis) {
  if (analysis.costs.empty()) return std::nullopt;
  double hours = 0;
  std::string trained;
  for (const ArmLedger& c : analysis.costs) {
    hours += c.device_hours;
    if (c.train_s <= 0) continue;
    trained += fmt::format("{} {} took {} of training a seed on {}", trained.empty() ? "" : ";",
                           c.arm, duration(c.train_s / static_cast<double>(c.cells)),
                           counted(static_cast<std::uint64_t>(c.devices), "rank"));
  }
  return fmt::format("It cost {:.2f} device hours in all{}.", hours,
                     trained.empty() ? ", none of them for training" : ":" + trained);
}

}  // namespace

std::vector<std::string> headline(const Analysis& analysis) {
  std::vector<std::string> lines;
  if (analysis.arms.size() > 1) {
    for (const std::string& arm : analysis.arms) {
      for (const std::string& task : analysis.tasks) {
        const stats::PairSummary* pair = analysis.pair_of(analysis.reference, arm, task);
        if (pair) lines.push_back(difference(analysis, *pair));
      }
    }
  }
  const auto cost = cost_sentence(analysis);
  if (!lines.empty()) {
    if (cost) lines.push_back(*cost);
    return lines;
  }
  for (const std::string& task : analysis.tasks) {
    for (const stats::TaskSummary& s : analysis.summary.arms) {
      if (s.task == task) lines.push_back(standing(s));
    }
  }
  if (analysis.arms.size() == 1) lines.push_back("One arm alone: nothing is compared.");
  if (cost) lines.push_back(*cost);
  return lines;
}

std::vector<std::string> what_would_settle(const Analysis& analysis) {
  std::vector<std::string> lines;
  for (const stats::PlanResult& plan : analysis.plans) {
    const stats::PlanOptions& o = plan.options;
    const std::string who = o.basis.substr(0, o.basis.find(':'));
    std::string text = fmt::format("{}, {}: ", task_title(o.task), who);
    text += plan.detectable ? fmt::format(
                                  "a study like this one finds a true difference of {:.1f} points "
                                  "four times in five",
                                  100 * *plan.detectable)
                            : "a study like this one finds no difference reliably";
    if (o.difference) {
      text += fmt::format("; for one of the {:.1f} points seen here it has a power of {:.0f} %",
                          100 * *o.difference, 100 * plan.power.value_or(0));
      if (plan.power && *plan.power < o.power) {
        if (plan.questions_needed) {
          text +=
              fmt::format(", and 80 % would need {} with {}",
                          counted(*plan.questions_needed, "question"), counted(o.seeds, "seed"));
        }
        if (plan.seeds_needed) {
          text +=
              fmt::format("{} {} with {}", plan.questions_needed ? ", or" : ", and 80 % needs",
                          counted(*plan.seeds_needed, "seed"), counted(o.questions, "question"));
        }
        if (!plan.questions_needed && !plan.seeds_needed) {
          text += ", and neither more of these questions nor more seeds alone would do";
        }
      }
    }
    lines.push_back(text + ".");
  }
  return lines;
}

}  // namespace tradeoff::report
