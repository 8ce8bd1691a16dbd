#include "tradeoff/stats/paired.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "split.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::stats {
namespace {

// Differences of graded scores below this are rounding, not flips; verdicts differ by 1.
constexpr double kTie = 1e-9;

struct ColumnPair {
  std::size_t a, b;
};

std::vector<ColumnPair> pair_columns(const ScoreTable& a, const ScoreTable& b,
                                     SeedPairing pairing) {
  std::vector<ColumnPair> columns;
  if (a.computed_once || b.computed_once) {
    for (std::size_t k = 0; k < std::max(a.seeds.size(), b.seeds.size()); ++k) {
      columns.push_back({a.computed_once ? 0 : k, b.computed_once ? 0 : k});
    }
    return columns;
  }
  if (pairing == SeedPairing::in_order) {
    if (a.seeds.size() != b.seeds.size()) {
      fail(fmt::format("[{}] {} has {} seeds and {} has {}: in order they do not pair", a.task,
                       a.arm, a.seeds.size(), b.arm, b.seeds.size()));
    }
    for (std::size_t k = 0; k < a.seeds.size(); ++k) columns.push_back({k, k});
    return columns;
  }
  for (std::size_t i = 0; i < a.seeds.size(); ++i) {
    for (std::size_t j = 0; j < b.seeds.size(); ++j) {
      if (a.seeds[i] == b.seeds[j]) columns.push_back({i, j});
    }
  }
  if (columns.empty()) {
    fail(fmt::format("[{}] {} (seeds {}) and {} (seeds {}) share no seed: nothing to pair", a.task,
                     a.arm, fmt::join(a.seeds, ","), b.arm, fmt::join(b.seeds, ",")));
  }
  return columns;
}

struct Paired {
  AlignedTables tables;
  std::vector<ColumnPair> columns;
  ItemScores difference;  // b - a, [items, pairs]
  // Place in the caller's first table of each row of tables.a. [rows]
  std::vector<std::size_t> origin;
};

// The score of answer `k`; a greedy one stands for any.
double score_of(const ScoreTable& table, std::size_t cell, std::size_t k) {
  const SampleColumns& samples = table.samples;
  if (samples.count == 0) return table.scores[cell].value_or(0);
  return samples.scores[cell * samples.count + k].value_or(0);
}

// How many answers both arms have.
std::size_t common_samples(const ScoreTable& a, const ScoreTable& b) {
  const std::size_t x = a.samples.count, y = b.samples.count;
  return std::max<std::size_t>(1, x == 0 ? y : y == 0 ? x : std::min(x, y));
}

// b - a by item and pair of columns: answer by answer where there are several.
void take_differences(Paired& out) {
  const ScoreTable &a = out.tables.a, &b = out.tables.b;
  ItemScores& d = out.difference;
  d.seeds = out.columns.size();
  d.samples = common_samples(a, b);
  d.values.clear();
  d.sampling.clear();
  std::vector<double> gaps(d.samples);
  for (const std::size_t row : d.row) {
    for (const ColumnPair& pair : out.columns) {
      const std::size_t at_a = row * a.seeds.size() + pair.a;
      const std::size_t at_b = row * b.seeds.size() + pair.b;
      double sum = 0;
      for (std::size_t k = 0; k < d.samples; ++k)
        sum += gaps[k] = score_of(b, at_b, k) - score_of(a, at_a, k);
      d.values.push_back(sum / static_cast<double>(d.samples));
      if (d.samples > 1) d.sampling.push_back(variance_of_mean(gaps));
    }
  }
}

Paired pair_up(const ScoreTable& a, const ScoreTable& b, const PairOptions& options) {
  if (a.task != b.task) {
    fail(fmt::format("{} is on task {}, {} on {}: not a pair", a.arm, a.task, b.arm, b.task));
  }
  Paired out{align_items(a, b, options.items), {}, {}, {}};
  ScoreTable both[] = {std::move(out.tables.a), std::move(out.tables.b)};
  share_gold_errors(both);
  out.tables.a = std::move(both[0]);
  out.tables.b = std::move(both[1]);
  out.columns = pair_columns(out.tables.a, out.tables.b, options.seeds);
  out.difference = item_scores(out.tables.a);
  take_differences(out);
  // Aligned rows keep the order of `a`, so one walk finds where each came from.
  for (std::size_t from = 0; from < a.items.size(); ++from) {
    const std::size_t next = out.origin.size();
    if (next < out.tables.a.items.size() && a.items[from] == out.tables.a.items[next]) {
      out.origin.push_back(from);
    }
  }
  return out;
}

struct Flips {
  std::uint64_t n01 = 0, n10 = 0, flipped_items = 0;
  double gained = 0, lost = 0;
};

Flips count_flips(const ItemScores& difference) {
  Flips flips;
  for (std::size_t i = 0; i < difference.items; ++i) {
    bool flipped = false;
    for (std::size_t s = 0; s < difference.seeds; ++s) {
      const double d = difference.values[i * difference.seeds + s];
      flips.n01 += d > kTie ? 1 : 0;
      flips.n10 += d < -kTie ? 1 : 0;
      (d > 0 ? flips.gained : flips.lost) += std::abs(d);
      flipped = flipped || std::abs(d) > kTie;
    }
    flips.flipped_items += flipped ? 1 : 0;
  }
  return flips;
}

std::vector<SeedPair> seed_pairs(const Paired& paired) {
  std::vector<SeedPair> out;
  const ItemScores& d = paired.difference;
  const std::vector<double> means = d.seed_means();
  for (std::size_t s = 0; s < d.seeds; ++s) {
    SeedPair pair{paired.tables.a.seeds[paired.columns[s].a],
                  paired.tables.b.seeds[paired.columns[s].b], means[s]};
    for (std::size_t i = 0; i < d.items; ++i) {
      pair.n01 += d.values[i * d.seeds + s] > kTie ? 1 : 0;
      pair.n10 += d.values[i * d.seeds + s] < -kTie ? 1 : 0;
    }
    pair.mcnemar_p = mcnemar_exact(pair.n01, pair.n10);
    out.push_back(pair);
  }
  return out;
}

// An interval of width 0 would claim certainty where nothing was seen to vary.
void drop_empty_errors(MeanEstimate& delta, const Flips& flips, std::uint64_t items) {
  const auto& told = delta.told();
  if (!told || told->se > kTie) return;
  const std::string reason =
      flips.n01 + flips.n10 > 0
          ? "all clusters differ alike: nothing varies"
          : fmt::format("no verdict differs: at most {:.1f} % of questions do (95 %, one-sided)",
                        100 * proportion_upper_limit(0, items));
  delta.cluster.reset();
  delta.small_sample.reset();
  delta.items_and_seeds.reset();
  delta.bootstrap95.reset();
  for (const char* figure : {"se_cluster", "ci95_bootstrap", "items_and_seeds"}) {
    std::erase_if(delta.reasons, [&](const NotEstimable& e) { return e.figure == figure; });
    delta.reasons.push_back({figure, reason});
  }
}

void test_difference(PairSummary& out, const std::vector<TaskMargin>& margins) {
  const auto& told = out.delta.told();
  if (!told) return;
  out.p = interval_p(*out.delta.mean, *told);
  for (const TaskMargin& one : margins) {
    if (one.task == out.task)
      out.noninferiority = noninferiority(*out.delta.mean, *told, one.margin);
  }
}

void count_answer_changes(const Paired& paired, PairSummary& out) {
  const ScoreTable &a = paired.tables.a, &b = paired.tables.b;
  if (a.answers.empty() || b.answers.empty() || out.n == 0) return;
  std::uint64_t changed = 0, both_wrong = 0;
  for (const std::size_t row : paired.difference.row) {
    for (const ColumnPair& pair : paired.columns) {
      const std::size_t at_a = row * a.seeds.size() + pair.a;
      const std::size_t at_b = row * b.seeds.size() + pair.b;
      if (a.answers[at_a] == b.answers[at_b]) continue;
      ++changed;
      const bool wrong = a.scores[at_a].value_or(0) == 0 && b.scores[at_b].value_or(0) == 0;
      both_wrong += wrong ? 1 : 0;
    }
  }
  out.answer_change_rate = static_cast<double>(changed) / static_cast<double>(out.n);
  out.changed_both_wrong_rate = static_cast<double>(both_wrong) / static_cast<double>(out.n);
}

}  // namespace

bool share_seed(const ScoreTable& a, const ScoreTable& b, SeedPairing pairing) {
  if (a.computed_once || b.computed_once) return true;
  if (pairing == SeedPairing::in_order) return a.seeds.size() == b.seeds.size();
  return std::ranges::find_first_of(a.seeds, b.seeds) != a.seeds.end();
}

PairSummary compare_pair(const ScoreTable& a, const ScoreTable& b, const PairOptions& options) {
  const Paired paired = pair_up(a, b, options);
  const ItemScores& d = paired.difference;
  PairSummary out;
  out.a = a.arm;
  out.b = b.arm;
  out.task = a.task;
  out.items = d.items;
  out.seeds = d.seeds;
  out.n = out.items * out.seeds;
  out.clusters = d.clusters;
  out.gold_errors = paired.tables.a.items.size() - d.items;
  out.dropped_items = paired.tables.dropped_a + paired.tables.dropped_b;
  if (!a.computed_once) out.unpaired_seeds += a.seeds.size() - d.seeds;
  if (!b.computed_once) out.unpaired_seeds += b.seeds.size() - d.seeds;
  out.computed_once = a.computed_once && b.computed_once;
  out.samples_a = a.samples.count;
  out.samples_b = b.samples.count;
  out.samples = d.samples;
  out.delta = estimate_mean(d, out.computed_once, options.bootstrap);
  if (out.items == 0) return out;

  const Flips flips = count_flips(d);
  out.n01 = flips.n01;
  out.n10 = flips.n10;
  out.gained = flips.gained / static_cast<double>(out.n);
  out.lost = flips.lost / static_cast<double>(out.n);
  drop_empty_errors(out.delta, flips, out.items);
  test_difference(out, options.margins);
  if (const auto parts = out.delta.variance())
    out.halving = halve(*parts, out.items, out.seeds, out.samples);
  out.sequence = confidence_sequence(out.delta);
  if (out.seeds == 1 && out.samples == 1) out.mcnemar_p = mcnemar_exact(out.n01, out.n10);
  out.by_seed = seed_pairs(paired);
  out.flip_rate = static_cast<double>(out.n01 + out.n10) / static_cast<double>(out.n);
  out.flip_upper_limit = proportion_upper_limit(flips.flipped_items, out.items);
  count_answer_changes(paired, out);
  return out;
}

ItemScores paired_differences(const ScoreTable& a, const ScoreTable& b,
                              const PairOptions& options) {
  return pair_up(a, b, options).difference;
}

std::vector<PairSummary> compare_all(std::span<const ScoreTable> tables,
                                     const PairOptions& options) {
  std::vector<ScoreTable> shared(tables.begin(), tables.end());
  share_gold_errors(shared);
  std::vector<std::string> tasks;
  for (const ScoreTable& table : shared) {
    if (std::find(tasks.begin(), tasks.end(), table.task) == tasks.end())
      tasks.push_back(table.task);
  }
  std::vector<PairSummary> pairs;
  for (const std::string& task : tasks) {
    for (std::size_t i = 0; i < shared.size(); ++i) {
      for (std::size_t j = i + 1; j < shared.size(); ++j) {
        if (shared[i].task != task || shared[j].task != task) continue;
        if (!share_seed(shared[i], shared[j], options.seeds)) continue;
        pairs.push_back(compare_pair(shared[i], shared[j], options));
      }
    }
  }
  apply_holm(pairs);
  return pairs;
}

std::vector<GroupDifference> difference_by(const ScoreTable& a, const ScoreTable& b,
                                           std::span<const std::string> labels,
                                           const PairOptions& options) {
  const Paired paired = pair_up(a, b, options);
  if (labels.size() != a.items.size()) {
    fail(fmt::format("{} labels, but {} items", labels.size(), a.items.size()));
  }
  std::vector<std::string> aligned;
  for (const std::size_t from : paired.origin) aligned.push_back(labels[from]);
  std::vector<GroupDifference> out;
  for (const auto& [label, part] : split_by(paired.difference, aligned, aligned.size(), "labels")) {
    const std::vector<double> means = part.item_means();
    const Flips flips = count_flips(part);
    GroupDifference group;
    group.label = label;
    group.items = part.items;
    group.clusters = part.clusters;
    for (const double mean : means) group.delta += mean;
    group.delta /= static_cast<double>(part.items);
    group.n01 = flips.n01;
    group.n10 = flips.n10;
    group.error = over_items_and_seeds(part);
    if (!group.error) group.error = cluster_robust_small_sample(means, part.cluster, part.clusters);
    if (group.error && !(group.error->se > kTie)) group.error.reset();
    if (group.error) group.p = interval_p(group.delta, *group.error);
    out.push_back(std::move(group));
  }
  return out;
}

}  // namespace tradeoff::stats
