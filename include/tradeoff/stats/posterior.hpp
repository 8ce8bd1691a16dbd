#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/stats/paired.hpp"
#include "tradeoff/stats/uncertainty.hpp"

namespace tradeoff::stats {

/// What the posterior of one task's difference is made from.
struct TaskEvidence {
  // Shares of (question, seed) pairs that changed to right and to wrong, of sampled answers by so
  // much as they did; the difference is theirs.
  double up = 0, down = 0;
  std::uint64_t items = 0, seeds = 0, samples = 1;
  std::optional<StandardError> error;  // of the difference over clusters of items, CR2
  std::optional<RunSpread> spread;     // over seeds; empty for one
  std::vector<std::pair<std::uint64_t, double>> by_seed;  // seed, difference
  bool computed_once = false;                             // no runs: none vary
};
/// Empty with the reason for no items.
struct EvidenceOrReason {
  std::optional<TaskEvidence> evidence;
  std::string reason;
};
EvidenceOrReason evidence_of(const PairSummary& pair);

struct PosteriorOptions {
  // 20,000 draws: a probability of 90 % has a Monte Carlo error of 0.2 points.
  std::uint32_t draws = 20000;
  std::uint64_t seed = 0;
  // Scale of the half-Cauchy prior of the standard deviation between runs, a fraction.
  double run_scale = 0.05;
  std::vector<double> gains = {0, 0.02, 0.05};  // on x, fractions
  std::vector<double> losses = {0.01, 0.02};    // on y
};

struct Chance {
  double gain = 0, loss = 0;  // thresholds
  double p = 0;               // P(x > gain and y > -loss)
};

/// The joint posterior of two tasks' true differences between the same two arms, over questions and
/// runs.
struct TradeoffPosterior {
  std::uint32_t draws = 0;
  double x_mean = 0, y_mean = 0, correlation = 0;
  Interval x95, y95;  // 2.5 and 97.5 % quantiles
  std::vector<Chance> chances;
};

/// Questions: on each task the shares that change to right, to wrong, or not have a Dirichlet
/// posterior (Jeffreys' prior, 1/2 each) at the effective number of questions, as korn_graubard
/// takes it: bounded, with a width where nothing changed. Runs: normal about the mean; the standard
/// deviation of each task half-Cauchy(run_scale) (Gelman 2006) given the scatter of its own seeds,
/// question x seed noise on top; the tasks' correlation over runs uniform, given these and the
/// common seeds. (A joint posterior would let the tasks, whose runs are the same, count their prior
/// twice.) Drawn from a seeded stream, so that equal evidence gives equal figures. One seed: the
/// runs' spread is the prior's.
TradeoffPosterior tradeoff_posterior(const TaskEvidence& x, const TaskEvidence& y,
                                     const PosteriorOptions& options = {});
/// The prior in words.
std::string prior_text(const PosteriorOptions& options = {});
Json to_json(const TradeoffPosterior& posterior);

}  // namespace tradeoff::stats
