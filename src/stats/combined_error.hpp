#pragma once

namespace tradeoff::stats {

/// What a variance between so many seeds, times this, has as its one-sided upper limit: 70 % for
/// two seeds, 60 % for more.
double limit_factor(double seeds);

/// The variance of a mean over both samplings: items + max(0, between - noise) / seeds. The report
/// estimates its parts; a plan knows them.
struct CombinedError {
  double items = 0, items_df = 1;  // over clusters of items, question x seed noise within
  double between = 0;              // variance of the seed means, on seeds - 1
  double noise = 0, noise_df = 1;  // the part of `between` that question x seed noise makes
  double seeds = 2;                // at least 2
  double factor = limit_factor(seeds);

  double runs() const;  // what the seeds themselves add, never negative
  double variance() const { return items + runs(); }
  /// Satterthwaite's, worked out as if `between` were its upper limit: with so few degrees of
  /// freedom a `between` that is small by chance would else claim the items' own. Without it false
  /// positives reach 7.5 % for three seeds and 12 % for two (normal errors, any ratio of the
  /// parts); with it 6.0 and 5.9 %, and at least 1.5 %.
  double df() const;
};

}  // namespace tradeoff::stats
