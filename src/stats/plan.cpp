#include "tradeoff/stats/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "distribution.hpp"
#include "power.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/stats/paired.hpp"

namespace tradeoff::stats {
namespace {

// Beyond these a study is not planned but given up.
constexpr std::uint64_t kMostQuestions = 100'000'000, kMostSeeds = 10'000;

void check_option(bool ok, const char* name, double found, const char* expected) {
  if (!ok) fail(fmt::format("plan: {} = {}, expected {}", name, found, expected));
}

void check_options(const PlanOptions& o) {
  check_option(o.questions >= 2, "questions", static_cast<double>(o.questions), "at least 2");
  check_option(o.seeds >= 1, "seeds", static_cast<double>(o.seeds), "at least 1");
  check_option(o.discordance > 0 && o.discordance <= 1, "discordance", o.discordance,
               "a fraction above 0, at most 1");
  check_option(o.alpha > 0 && o.alpha < 1, "alpha", o.alpha, "a fraction between 0 and 1");
  check_option(o.power > o.alpha && o.power < 1, "power", o.power, "between alpha and 1");
  check_option(o.comparisons >= 1, "comparisons", 0, "at least 1");
  check_option(o.seed_correlation >= 0 && o.seed_correlation <= 1, "seed_correlation",
               o.seed_correlation, "0 to 1");
  if (o.seed_sd) {
    check_option(*o.seed_sd >= 0 && *o.seed_sd <= 1, "seed_sd", *o.seed_sd,
                 "a fraction from 0 to 1");
  }
  if (o.margin) {
    check_option(o.margin->fraction > 0 && o.margin->fraction < 1, "margin", o.margin->fraction,
                 "a fraction between 0 and 1");
  }
  check_option(o.clusters != 1, "clusters", 1, "0 (independent questions) or at least 2");
  check_option(o.cluster_correlation >= 0 && o.cluster_correlation <= 1, "cluster_correlation",
               o.cluster_correlation, "0 to 1");
  check_option(o.cluster_correlation == 0 || o.clusters > 0, "cluster_correlation",
               o.cluster_correlation, "0 where no clusters are given");
  check_option(o.cluster_size_cv >= 0 && std::isfinite(o.cluster_size_cv), "cluster_size_cv",
               o.cluster_size_cv, "0 or more");
  if (!o.difference) return;
  const double size = std::abs(*o.difference);
  check_option(size > 0 && size < 1, "difference", *o.difference, "other than 0, between -1 and 1");
}

double device_hours(const PlanOptions& o, double questions, double seeds) {
  double seconds = 0;
  for (const ArmCost& cost : o.costs) {
    check(cost.cells > 0 && cost.questions > 0,
          "plan: cost of arm " + cost.arm + " is over no cells or no questions");
    const double cells = static_cast<double>(cost.cells);
    const double runs = cost.computed_once ? 1 : seeds;
    seconds += static_cast<double>(cost.devices) * runs *
               (cost.train_s / cells +
                cost.predict_s / cells / static_cast<double>(cost.questions) * questions);
  }
  return seconds / 3600;
}

// Smallest count in [from, most] that is enough: first on a grid of 5 % steps, then between two of
// its points. The grid is there because power need not rise all the way: degrees of freedom can
// fall.
template <typename Predicate>
std::optional<std::uint64_t> smallest_count(Predicate enough, std::uint64_t from,
                                            std::uint64_t most) {
  if (enough(from)) return from;
  std::uint64_t low = from, high = from;
  do {
    if (high == most) return std::nullopt;
    low = high;
    high = std::min(most, high + 1 + high / 20);
  } while (!enough(high));
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

void plan_difference(PlanResult& out) {
  const PlanOptions& o = out.options;
  const double size = std::abs(*o.difference);
  const double questions = static_cast<double>(o.questions), seeds = static_cast<double>(o.seeds);
  out.power = interval_power(o, questions, seeds, size);
  out.questions_needed = smallest_count(
      [&](std::uint64_t n) {
        return interval_power(o, static_cast<double>(n), seeds, size) >= o.power;
      },
      2, kMostQuestions);
  if (!out.questions_needed) {
    out.notes.push_back(fmt::format(
        "no number of questions reaches {:.0f} % power with {} seed{}{}: what remains is {}",
        100 * o.power, o.seeds, o.seeds == 1 ? "" : "s",
        o.clusters > 0 ? fmt::format(" on {} clusters", o.clusters) : "",
        o.cluster_correlation > 0 ? "the clusters' own variance and the seeds'"
                                  : "the seeds' variance"));
  }
  if (!o.seed_sd) {
    out.notes.push_back(
        "how many seeds it takes is unknown: nothing tells how much runs differ (--seed-sd, or "
        "--pilot with a study of two seeds or more, does)");
  } else {
    // One seed finds it for its own adapters alone.
    out.seeds_needed = smallest_count(
        [&](std::uint64_t k) {
          return interval_power(o, questions, static_cast<double>(k), size) >= o.power;
        },
        *o.seed_sd > 0 ? 2 : 1, kMostSeeds);
  }
  if (o.seed_sd && !out.seeds_needed) {
    out.notes.push_back(fmt::format(
        "no number of seeds reaches {:.0f} % power with {} questions: seeds average "
        "away only the part of the noise that questions do not keep (correlation {:.2f})",
        100 * o.power, o.questions, o.seed_correlation));
  }
  if (o.costs.empty()) return;
  if (out.questions_needed) {
    out.device_hours_questions = device_hours(o, static_cast<double>(*out.questions_needed), seeds);
  }
  if (out.seeds_needed) {
    out.device_hours_seeds = device_hours(o, questions, static_cast<double>(*out.seeds_needed));
  }
}

}  // namespace

PlanResult plan(const PlanOptions& options) {
  check_options(options);
  PlanResult out;
  out.options = options;
  const PlanOptions& o = out.options;
  const double questions = static_cast<double>(o.questions), seeds = static_cast<double>(o.seeds);
  const double alpha = o.alpha / static_cast<double>(o.comparisons);
  const DesignError error = design_error(o, questions, seeds, 0);
  out.se = error.se();
  out.df = error.df();
  out.detectable = smallest([&](double size) { return interval_power(o, questions, seeds, size); },
                            1 - 1e-9, o.power);
  if (!out.detectable) {
    out.notes.push_back(
        fmt::format("no difference is found with {:.0f} % power: {} questions and "
                    "{} seed{} are too few",
                    100 * o.power, o.questions, o.seeds, o.seeds == 1 ? "" : "s"));
  }
  out.detectable_margin = smallest(
      [&](double margin) { return margin_power(o, questions, seeds, margin); }, 1, o.power);
  if (o.margin) out.power_margin = margin_power(o, questions, seeds, o.margin->fraction);
  // The exact test is of one seed's independent questions; for other designs it is not the test
  // used.
  const bool mcnemar = o.seeds == 1 && o.cluster_correlation == 0;
  if (mcnemar) {
    const auto exact = [&](double size) {
      return mcnemar_power(o.questions, discordance_at(o.discordance, size), size, alpha);
    };
    out.detectable_mcnemar = smallest(exact, 1 - 1e-9, o.power);
    if (o.difference) out.power_mcnemar = exact(std::abs(*o.difference));
  }
  if (!o.costs.empty()) out.device_hours = device_hours(o, questions, seeds);
  if (o.difference) plan_difference(out);

  const auto assume = [&out](std::string line) { out.assumptions.push_back(std::move(line)); };
  assume(fmt::format("{:.1f} % of questions have exactly one of two equally good arms right ({})",
                     100 * o.discordance, o.basis));
  assume(fmt::format("two-sided test at {:.3g} %, power {:.3g} %{}", 100 * o.alpha, 100 * o.power,
                     o.comparisons > 1
                         ? fmt::format(", Holm's first step of {} comparisons", o.comparisons)
                         : ""));
  assume(o.clusters == 0
             ? "questions are independent; clusters (databases, subjects) make the figure larger"
             : fmt::format("{} clusters, intra-cluster correlation {:.3f}, size variation {:.2f}",
                           o.clusters, o.cluster_correlation, o.cluster_size_cv));
  if (o.seeds > 1 || o.difference) {
    assume(
        fmt::format("a question's differences correlate {:.2f} between seeds", o.seed_correlation));
  }
  if (o.seeds == 1) {
    assume("one seed: for these adapters, not for the method; how runs differ is not in it");
  } else if (o.seed_sd) {
    assume(fmt::format("the true difference varies by {:.2f} points (sd) between runs",
                       100 * *o.seed_sd));
  } else {
    assume("how much runs differ is unknown and left out: the figures are lower limits");
  }
  return out;
}

namespace {

// One-sided level of a pilot's limits (Browne 1995).
constexpr double kPilotLimit = 0.80;

// A variance estimated with df degrees of freedom, times this, is its upper limit.
double upper_factor(double df) {
  return df / chi_squared_quantile(1 - kPilotLimit, df);
}

}  // namespace

PlanOptions plan_from_pilot(PlanOptions options, const ScoreTable& a, const ScoreTable& b) {
  const PairSummary pair = compare_pair(a, b);
  check(pair.items >= 2, "plan: the pilot compares fewer than 2 questions");
  options.task = pair.task;
  // Of verdicts the share that flips; means over samples differ by less.
  const ItemScores differences = paired_differences(a, b);
  double squares = 0;
  for (const double value : differences.values) squares += value * value;
  const auto flipped = static_cast<std::uint64_t>(
      std::ceil(squares / static_cast<double>(differences.seeds) - 1e-9));
  options.discordance = proportion_upper_limit(flipped, pair.items, kPilotLimit);
  options.pair = pair.a + " -> " + pair.b;
  options.basis = fmt::format("pilot: {} against {}, {} questions x {} seed{}, 80 % upper limits",
                              pair.b, pair.a, pair.items, pair.seeds, pair.seeds == 1 ? "" : "s");
  if (pair.delta.components) {
    const VarianceComponents& c = *pair.delta.components;
    const double noise = c.question + c.residual, items = static_cast<double>(pair.items);
    options.seed_correlation = noise > 0 ? c.question / noise : 1;
    const double limit = c.ms_seed * upper_factor(static_cast<double>(pair.seeds) - 1);
    options.seed_sd = std::sqrt(std::max(0.0, limit - c.ms_residual) / items);
  } else {
    options.basis += "; seed figures assumed: one seed shows none";
  }
  options.clusters = 0;
  options.cluster_correlation = options.cluster_size_cv = 0;
  if (pair.clusters >= 2 && pair.clusters < pair.items) {
    const ClusterShape shape =
        cluster_shape(differences.item_means(), differences.cluster, differences.clusters);
    options.clusters = pair.clusters;
    // The limit of the error's variance, as a correlation within clusters.
    const double mean = static_cast<double>(pair.items) / static_cast<double>(pair.clusters);
    const double spread = (1 + shape.size_cv * shape.size_cv) * mean - 1;
    const double effect = 1 + spread * shape.correlation;
    const double df = pair.delta.small_sample ? pair.delta.small_sample->df
                                              : static_cast<double>(pair.clusters) - 1;
    options.cluster_correlation = std::clamp((effect * upper_factor(df) - 1) / spread, 0.0, 1.0);
    options.cluster_size_cv = shape.size_cv;
  }
  return options;
}

}  // namespace tradeoff::stats
