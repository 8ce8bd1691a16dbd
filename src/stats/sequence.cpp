#include "tradeoff/stats/sequence.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "distribution.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/stats/paired.hpp"

namespace tradeoff::stats {
namespace {

// The 5 % are shared: the runs' part grows slowly with its share, the questions' hardly.
constexpr double kRunsAlpha = 0.04, kQuestionsAlpha = 0.01;
// Variance of the mixed effects; 30 is near the narrowest from 4 to 20 seeds.
constexpr double kMixture = 30;
// Beyond this many a rule for stopping is not followed but given up.
constexpr std::uint64_t kMostSeeds = 1000;

double runs_half(const RunSpread& spread, std::uint64_t seeds) {
  return sequence_quantile(seeds, kRunsAlpha) *
         std::sqrt(spread.between / static_cast<double>(seeds));
}

double questions_half(double variance, double df) {
  return student_quantile(1 - kQuestionsAlpha / 2, df) * std::sqrt(variance);
}

std::string seed_list(const NextCells& cells) {
  if (cells.added.size() == 1) return fmt::format("seed {}", cells.added[0]);
  return fmt::format("seeds {} to {}", cells.added.front(), cells.added.back());
}

std::string next_text(const NextCells& cells) {
  const NextSeeds& s = cells.seeds;
  std::string text =
      s.now ? fmt::format("{:+.1f} to {:+.1f} points with {} seeds, whenever one looks",
                          100 * s.now->ci95.low, 100 * s.now->ci95.high, s.seeds)
            : fmt::format("no interval with {} seed{}", s.seeds, s.seeds == 1 ? "" : "s");
  const double wanted = 100 * s.half_width;
  if (cells.arms.empty()) return text + "; no random stream reaches either arm: no seed changes it";
  if (!s.now && s.seeds >= kFewestSeeds) return text + ": none is estimable from these answers";
  if (s.needed && *s.needed <= s.seeds) {
    return text + fmt::format("; within +-{:.3g} points: settled, add nothing", wanted);
  }
  if (s.questions_alone && *s.questions_alone >= s.half_width) {
    return text + fmt::format(
                      "; no number of seeds reaches +-{:.3g} points: the questions alone "
                      "leave +-{:.1f}, so add questions",
                      wanted, 100 * *s.questions_alone);
  }
  if (cells.added.empty()) {
    return text +
           fmt::format("; more than {} seeds for +-{:.3g} points: give it up", kMostSeeds, wanted);
  }
  const std::string add =
      fmt::format("add {} of {}", seed_list(cells), fmt::join(cells.arms, " and "));
  if (!s.needed) return text + "; " + add + ": three seeds are the fewest that bound it";
  return text +
         fmt::format("; {}, {} in all, for +-{:.3g} points if runs go on to vary as they did", add,
                     *s.needed, wanted);
}

}  // namespace

double sequence_quantile(std::uint64_t seeds, double alpha) {
  check(alpha > 0 && alpha < 1, fmt::format("confidence sequence: alpha {}", alpha));
  const double k = static_cast<double>(seeds);
  const double spread = 1 + k * kMixture;
  // The martingale [(1 + u) / (1 + u / A)]^(k/2) / sqrt(A), u = t^2 / (k - 1), A = 1 + k kMixture,
  // is below 1 / alpha where u is below this.
  const double bound = std::pow(std::sqrt(spread) / alpha, 2 / k);
  if (seeds < 2 || !(bound < spread)) return std::numeric_limits<double>::infinity();
  return std::sqrt((k - 1) * (bound - 1) / (1 - bound / spread));
}

std::optional<Sequence> confidence_sequence(const MeanEstimate& estimate) {
  if (!estimate.items_and_seeds || !estimate.small_sample || !estimate.spread) return std::nullopt;
  const double runs = runs_half(*estimate.spread, estimate.seeds);
  if (!std::isfinite(runs)) return std::nullopt;
  const StandardError& items = *estimate.small_sample;
  const double questions = questions_half(items.se * items.se, items.df);
  const double half = runs + questions;
  return Sequence{{std::max(-1.0, *estimate.mean - half), std::min(1.0, *estimate.mean + half)},
                  runs,
                  questions};
}

NextSeeds next_seeds(const MeanEstimate& estimate, double half_width) {
  check(half_width > 0, fmt::format("half width {}, expected above 0", half_width));
  NextSeeds out{estimate.seeds, confidence_sequence(estimate), half_width, {}, {}};
  if (!out.now) return out;
  const double items = estimate.small_sample->se * estimate.small_sample->se;
  const double df = estimate.small_sample->df, noise = estimate.spread->noise;
  const double still = std::max(0.0, items - noise / static_cast<double>(estimate.seeds));
  out.questions_alone = questions_half(still, df);
  if (out.now->runs_half + out.now->questions_half <= half_width) {
    out.needed = estimate.seeds;
    return out;
  }
  for (std::uint64_t k = estimate.seeds + 1; k <= kMostSeeds && !out.needed; ++k) {
    const double variance = still + noise / static_cast<double>(k);
    if (runs_half(*estimate.spread, k) + questions_half(variance, df) <= half_width) out.needed = k;
  }
  return out;
}

NextCells next_cells(const ScoreTable& a, const ScoreTable& b, double half_width) {
  const PairSummary pair = compare_pair(a, b);
  NextCells out{pair.a, pair.b, pair.task, next_seeds(pair.delta, half_width), {}, {}};
  for (const ScoreTable* table : {&a, &b}) {
    if (!table->computed_once) out.arms.push_back(table->arm);
  }
  const NextSeeds& seeds = out.seeds;
  const std::uint64_t wanted = seeds.now ? seeds.needed.value_or(0) : kFewestSeeds;
  if (out.arms.empty() || wanted <= seeds.seeds) return out;
  std::uint64_t last = 0;
  for (const ScoreTable* table : {&a, &b}) last = std::max(last, std::ranges::max(table->seeds));
  for (std::uint64_t k = seeds.seeds; k < wanted; ++k) out.added.push_back(++last);
  return out;
}

std::string to_text(std::span<const NextCells> cells) {
  std::string text;
  for (const NextCells& one : cells) {
    text += fmt::format("{}, {} -> {}: {}\n", one.task, one.a, one.b, next_text(one));
  }
  return text;
}

Json to_json(const Sequence& sequence) {
  return {{"ci95", Json::array({sequence.ci95.low, sequence.ci95.high})},
          {"runs_half", sequence.runs_half},
          {"questions_half", sequence.questions_half}};
}

Json to_json(const NextCells& cells) {
  const NextSeeds& s = cells.seeds;
  return {{"a", cells.a},
          {"b", cells.b},
          {"task", cells.task},
          {"seeds", s.seeds},
          {"sequence", s.now ? to_json(*s.now) : Json()},
          {"half_width", s.half_width},
          {"seeds_needed", s.needed ? Json(*s.needed) : Json()},
          {"questions_alone", s.questions_alone ? Json(*s.questions_alone) : Json()},
          {"add", {{"arms", cells.arms}, {"seeds", cells.added}}}};
}

}  // namespace tradeoff::stats
