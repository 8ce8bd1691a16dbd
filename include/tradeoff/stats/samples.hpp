#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tradeoff/stats/calibration.hpp"
#include "tradeoff/stats/uncertainty.hpp"

namespace tradeoff::stats {

/// Which of a question's sampled answers a vote takes, and how many answers gave its result.
struct Vote {
  std::size_t sample = 0, votes = 0;
};
/// The largest group of equal results wins, its lowest sample stands for it; of equally large ones
/// that with the lowest sample. groups [samples]: equal for equal results, 0 for an answer without
/// a result, which has no vote; where none has one, sample 0 with 0 votes.
Vote vote(std::span<const std::uint64_t> groups);
/// The same with each answer counting as much as its probability, exp(logprob); NaN counts nothing.
Vote vote_weighted(std::span<const std::uint64_t> groups, std::span<const double> logprobs);

/// Unbiased estimate of the chance that one of k answers is right, of n of which c are: 1 -
/// C(n - c, k) / C(n, k) (Chen et al. 2021, arXiv:2107.03374). 1 <= k <= n.
double pass_at_k(std::size_t n, std::size_t c, std::size_t k);

/// What several answers to each question come to; means over items and seeds.
struct SampleSummary {
  std::size_t samples = 0;
  std::vector<double> pass_at;  // [k - 1], k up to samples; the last is the oracle's
  double vote = 0, vote_weighted = 0;
  Interval vote95;  // Korn-Graubard, as an accuracy's
  // Mean share of the answers that gave the vote's result, and how far it is a probability that the
  // vote is right.
  double agreement = 0;
  Calibration calibration;
};
/// Empty for a table without samples or without items. Unscored answers are wrong.
std::optional<SampleSummary> summarize_samples(const ScoreTable& table);

/// report.json's entries of "metrics": pass_at_k {k: share}, vote, vote_weighted, oracle,
/// agreement.
void append_metrics(Json& metrics, const SampleSummary& summary);

}  // namespace tradeoff::stats
