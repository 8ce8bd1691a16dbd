#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/stats/score_table.hpp"
#include "tradeoff/stats/uncertainty.hpp"

namespace tradeoff::stats {

/// A 95 % interval that stays true however often one looks while seeds are added (a confidence
/// sequence): all looks together err in 5 % of studies. Wider than ci95, which holds for a number
/// of seeds that was fixed before.
struct Sequence {
  Interval ci95;
  // Its half width is the sum of these: other runs at 96 % over all looks, other questions at 99 %.
  double runs_half = 0, questions_half = 0;
};

/// Half width, in standard errors sd / sqrt(seeds), of the confidence sequence of a normal mean
/// with unknown variance: the mixture test martingale over effects N(0, 30) in units of sd with the
/// right Haar prior on sd (Lai 1976; Wang & Ramdas 2025). Infinite where so few seeds cannot bound
/// it.
double sequence_quantile(std::uint64_t seeds, double alpha);

/// The fewest seeds that bound how much runs differ.
inline constexpr std::uint64_t kFewestSeeds = 3;

/// Of a mean over items and at least three seeds, near normal over runs; empty for fewer, or where
/// its errors are. The questions are one draw whatever the number of seeds.
std::optional<Sequence> confidence_sequence(const MeanEstimate& estimate);

/// Seeds until the sequence is at most `half_width` to either side, if runs go on to vary as they
/// did.
struct NextSeeds {
  std::uint64_t seeds = 0;              // there are
  std::optional<Sequence> now;          // empty below three seeds
  double half_width = 0;                // wanted
  std::optional<std::uint64_t> needed;  // in all; empty: not known, or out of reach
  // Half width that endless seeds would leave; empty where nothing is known of it.
  std::optional<double> questions_alone;
};
NextSeeds next_seeds(const MeanEstimate& estimate, double half_width);

/// What `plan --next` answers for one pair of arms.
struct NextCells {
  std::string a, b, task;
  NextSeeds seeds;
  // Cells to add: each of these seeds, for these arms (none where an arm is computed once).
  std::vector<std::uint64_t> added;
  std::vector<std::string> arms;
};
/// Seeds are numbered on from the largest that either arm has.
NextCells next_cells(const ScoreTable& a, const ScoreTable& b, double half_width);
std::string to_text(std::span<const NextCells> cells);
Json to_json(const NextCells& cells);
Json to_json(const Sequence& sequence);

}  // namespace tradeoff::stats
