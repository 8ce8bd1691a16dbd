#include <fmt/format.h>

#include <cmath>

#include "words.hpp"

namespace tradeoff::report {
namespace {

std::string floor_words(const std::string& name) {
  return name == "always_empty" ? "always answering with no rows"
                                : "always answering the commonest letter";
}

// Predictors that know nothing of the question; the others are ceilings and details.
std::vector<stats::Floor> told_floors(const stats::TaskSummary& s) {
  std::vector<stats::Floor> floors;
  for (const stats::Floor& floor : s.floors) {
    if (floor.items == 0 || (floor.name != "always_empty" && floor.name != "majority_letter"))
      continue;
    floors.push_back(floor);
  }
  return floors;
}

double rate_of(const stats::Floor& floor) {
  return static_cast<double>(floor.right) / static_cast<double>(floor.items);
}

// One arm alone: where it stands, and between which floors.
std::string standing(const stats::TaskSummary& s) {
  if (!s.accuracy.mean) return fmt::format("{}: {} has no items.", s.arm, task_title(s.task));
  std::string text = fmt::format(
      "{} answers {} of {} {} right (95 % interval {}; {})", s.arm, percent(*s.accuracy.mean),
      thousands(static_cast<std::int64_t>(s.items)), task_title(s.task) + " questions",
      percents(*s.ci95),
      s.seeds == 1 ? "one seed, so nothing is known of other seeds" : counted(s.seeds, "seed"));
  for (const stats::Floor& floor : told_floors(s)) {
    text += fmt::format("; {} would get {}", floor_words(floor.name), percent(rate_of(floor)));
  }
  return text + ".";
}

// A difference between arms that know less than a fixed answer is no gain: it is said beside it.
std::optional<std::string> below_floor(const stats::TaskSummary& a, const stats::TaskSummary& b) {
  std::string text;
  for (const stats::Floor& floor : told_floors(b)) {
    const double rate = rate_of(floor);
    if (*a.accuracy.mean >= rate || *b.accuracy.mean >= rate) continue;
    text += fmt::format("{}{} would get {}", text.empty() ? "" : ", ", floor_words(floor.name),
                        percent(rate));
  }
  if (text.empty()) return std::nullopt;
  return fmt::format("Both {} and {} are below a floor of {}: {}.", a.arm, b.arm,
                     task_title(b.task), text);
}

// How far the sentence reaches beyond the adapters that were trained.
std::string resting(const stats::PairSummary& pair) {
  if (pair.computed_once || pair.seeds >= 5) return "";
  if (pair.seeds == 1) return "; one run: what training again would give is not estimable";
  if (pair.seeds == 2) {
    return "; it rests on 2 runs, too few to know how much runs differ: take it as a hint";
  }
  return fmt::format("; it rests on {} runs", pair.seeds);
}

std::string margin_words(const stats::PairSummary& pair) {
  if (!pair.noninferiority) return "";
  const stats::Noninferiority& n = *pair.noninferiority;
  return fmt::format("; a loss of {} or more is {} (p {})", sized(n.margin),
                     n.p < 0.05 ? "ruled out" : "not ruled out", p_value(n.p));
}

// "raised", "lowered", or that it cannot be told, by the adjusted p of the interval's own test.
std::string difference(const Analysis& analysis, const stats::PairSummary& pair) {
  const stats::TaskSummary* a = analysis.summary_of(pair.a, pair.task);
  const stats::TaskSummary* b = analysis.summary_of(pair.b, pair.task);
  if (!pair.delta.mean || !a || !b) {
    return fmt::format("{}: {} and {} have no item in common.", task_title(pair.task), pair.a,
                       pair.b);
  }
  const double delta = *pair.delta.mean;
  const std::string metric = analysis.task(pair.task).words.accuracy;
  const std::string scores =
      fmt::format("from {} to {}", percent(*a->accuracy.mean), percent(*b->accuracy.mean));
  const auto told = told_interval(analysis, pair);
  if (!told) {
    const std::string why =
        pair.n01 + pair.n10 > 0
            ? "interval not estimable from one cluster"
            : fmt::format(
                  "no verdict changed, so no interval is estimable; at most {} of questions "
                  "do (95 %, one-sided)",
                  percent(pair.flip_upper_limit));
    return fmt::format("{}: {} went {} ({} points, {}{}).", pair.b, metric, scores, points(delta),
                       why, resting(pair));
  }
  const std::string sure = fmt::format("{} points, 95 % interval {} {}, Holm p {}{}{}",
                                       points(delta), points(told->interval), told->over,
                                       p_value(pair.holm_p), resting(pair), margin_words(pair));
  if (pair.holm_p && *pair.holm_p < 0.05) {
    return fmt::format("{} {} {} {} ({}).", pair.b, delta > 0 ? "raised" : "lowered", metric,
                       scores, sure);
  }
  const bool alone = pair.p && *pair.p < 0.05;
  return fmt::format("{}: {} went {}, which cannot be told from no change{} ({}).", pair.b, metric,
                     scores, alone ? " once all comparisons are counted" : "", sure);
}

// The interval that stays true although seeds were added after looking.
std::optional<std::string> until_sentence(const Analysis& analysis) {
  if (analysis.until.empty()) return std::nullopt;
  std::string intervals;
  bool met = true;
  for (const stats::PairSummary& pair : analysis.summary.pairs) {
    if (pair.task != analysis.until_task || pair.a != analysis.reference || pair.computed_once)
      continue;
    met = met && pair.sequence &&
          pair.sequence->runs_half + pair.sequence->questions_half <= analysis.until_half_width;
    if (!pair.sequence) continue;
    intervals += fmt::format("{}{} {} points", intervals.empty() ? "" : ", ", pair.b,
                             points(pair.sequence->ci95));
  }
  return fmt::format(
      "Seeds were added until {}, which is {}reached; intervals that hold although one looked: {}.",
      analysis.until, met ? "" : "not ", intervals.empty() ? "none yet" : intervals);
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
        if (!pair) continue;
        lines.push_back(difference(analysis, *pair));
        if (!pair->delta.mean) continue;
        const auto floor =
            below_floor(*analysis.summary_of(pair->a, task), *analysis.summary_of(arm, task));
        if (floor) lines.push_back(*floor);
      }
    }
  }
  if (const auto until = until_sentence(analysis)) lines.push_back(*until);
  for (std::string& line : failed_lines(analysis)) lines.push_back(std::move(line));
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
    if (o.difference && (plan.questions_needed || plan.seeds_needed)) {
      text += fmt::format("; half of that needs {}{}{}",
                          plan.questions_needed ? counted(*plan.questions_needed, "question") +
                                                      " with " + counted(o.seeds, "seed")
                                                : "",
                          plan.questions_needed && plan.seeds_needed ? ", or " : "",
                          plan.seeds_needed ? counted(*plan.seeds_needed, "seed") + " with " +
                                                  counted(o.questions, "question")
                                            : "");
    } else if (o.difference) {
      text += "; more of these questions alone would not halve that";
    }
    if (o.seeds == 1) text += "; how much training runs differ is unknown";
    lines.push_back(text + ".");
  }
  return lines;
}

}  // namespace tradeoff::report
