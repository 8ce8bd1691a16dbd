#include "tradeoff/stats/score_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "tradeoff/base/error.hpp"

namespace tradeoff::stats {
namespace {

std::string name_of(const ScoreTable& table) {
  return fmt::format("[{}] arm {}", table.task.empty() ? "task" : table.task,
                     table.arm.empty() ? "(unnamed)" : table.arm);
}

void check_length(const ScoreTable& table, const char* column, std::size_t found,
                  std::size_t expected, bool may_be_empty) {
  if (found == expected || (may_be_empty && found == 0)) return;
  fail(fmt::format("{}: column {} has {} entries, expected {} ({} items, {} seeds)", name_of(table),
                   column, found, expected, table.items.size(), table.seeds.size()));
}

void check_scores(const ScoreTable& table, const char* metric,
                  const std::vector<std::optional<double>>& scores) {
  for (std::size_t at = 0; at < scores.size(); ++at) {
    // Written so that NaN fails it too.
    if (!scores[at] || (*scores[at] >= 0 && *scores[at] <= 1)) continue;
    fail(fmt::format("{}: {} of item {}, seed {} is {}, expected a number in [0, 1] or nothing",
                     name_of(table), metric, table.items[at / table.seeds.size()],
                     table.seeds[at % table.seeds.size()], *scores[at]));
  }
}

bool is_gold_error(const ScoreTable& table, std::size_t item) {
  return !table.gold_error.empty() && table.gold_error[item] != 0;
}

template <typename T>
std::vector<T> pick_rows(const std::vector<T>& from, const std::vector<std::size_t>& rows,
                         std::size_t width) {
  std::vector<T> out;
  if (from.empty()) return out;
  out.reserve(rows.size() * width);
  for (const std::size_t row : rows) {
    out.insert(out.end(), from.begin() + row * width, from.begin() + (row + 1) * width);
  }
  return out;
}

}  // namespace

ScoreTable with_rows(const ScoreTable& table, const std::vector<std::size_t>& rows) {
  const std::size_t width = table.seeds.size();
  ScoreTable out;
  out.arm = table.arm;
  out.task = table.task;
  out.items = pick_rows(table.items, rows, 1);
  out.clusters = pick_rows(table.clusters, rows, 1);
  out.strata = pick_rows(table.strata, rows, 1);
  out.gold_error = pick_rows(table.gold_error, rows, 1);
  out.seeds = table.seeds;
  out.computed_once = table.computed_once;
  out.scores = pick_rows(table.scores, rows, width);
  out.answers = pick_rows(table.answers, rows, width);
  for (const MetricScores& metric : table.metrics) {
    out.metrics.push_back({metric.name, pick_rows(metric.scores, rows, width)});
  }
  std::vector<std::size_t> cells;
  for (const std::size_t row : rows)
    for (std::size_t s = 0; s < width; ++s) cells.push_back(row * width + s);
  out.samples = table.samples.pick(cells);
  return out;
}

SampleColumns SampleColumns::pick(std::span<const std::size_t> cells) const {
  SampleColumns out;
  out.count = count;
  const auto add = [&](const auto& from, auto& to) {
    for (const std::size_t cell : cells) {
      const auto first = from.begin() + static_cast<std::ptrdiff_t>(cell * count);
      to.insert(to.end(), first, first + static_cast<std::ptrdiff_t>(count));
    }
  };
  add(scores, out.scores);
  add(groups, out.groups);
  add(logprobs, out.logprobs);
  return out;
}

double variance_of_mean(std::span<const double> values) {
  const double n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return squares / (n - 1) / n;
}

std::optional<double> ItemScores::sampling_variance() const {
  if (sampling.empty()) return std::nullopt;
  const double cells = static_cast<double>(items * seeds);
  return std::accumulate(sampling.begin(), sampling.end(), 0.0) / (cells * cells);
}

void check_table(const ScoreTable& table) {
  const std::size_t items = table.items.size(), cells = items * table.seeds.size();
  if (table.seeds.empty()) fail(name_of(table) + ": no seed, expected at least one");
  if (table.computed_once && table.seeds.size() != 1) {
    fail(fmt::format("{}: computed once, yet it has {} seeds", name_of(table), table.seeds.size()));
  }
  check_length(table, "clusters", table.clusters.size(), items, false);
  check_length(table, "strata", table.strata.size(), items, true);
  check_length(table, "gold_error", table.gold_error.size(), items, true);
  check_length(table, "scores", table.scores.size(), cells, false);
  check_length(table, "answers", table.answers.size(), cells, true);
  check_scores(table, "score", table.scores);
  const std::size_t answers = cells * table.samples.count;
  check_length(table, "scores of samples", table.samples.scores.size(), answers, false);
  check_length(table, "groups of samples", table.samples.groups.size(), answers, false);
  check_length(table, "logprobs of samples", table.samples.logprobs.size(), answers, false);
  for (const MetricScores& metric : table.metrics) {
    check_length(table, metric.name.c_str(), metric.scores.size(), cells, false);
    check_scores(table, metric.name.c_str(), metric.scores);
  }
  std::unordered_set<std::string_view> seen;
  for (const std::string& item : table.items) {
    if (!seen.insert(item).second) fail(name_of(table) + ": item " + item + " stands twice");
  }
  std::unordered_set<std::uint64_t> seeds;
  for (const std::uint64_t seed : table.seeds) {
    if (!seeds.insert(seed).second) fail(fmt::format("{}: seed {} twice", name_of(table), seed));
  }
}

std::uint64_t answer_code(std::string_view answer) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const unsigned char byte : answer) hash = (hash ^ byte) * 0x100000001b3ULL;
  return hash;
}

ScoreTable table_from_rows(std::string arm, std::string task, std::span<const ResultRow> rows) {
  ScoreTable table;
  table.arm = std::move(arm);
  table.task = std::move(task);
  std::unordered_map<std::string_view, std::size_t> place;
  std::map<std::uint64_t, std::size_t> seed_place;
  bool any_answer = false;
  for (const ResultRow& row : rows) {
    const auto [found, fresh] = place.emplace(row.item, table.items.size());
    if (fresh) {
      table.items.push_back(row.item);
      table.clusters.push_back(row.cluster);
    } else if (table.clusters[found->second] != row.cluster) {
      fail(fmt::format("{}: item {} has cluster {} in one row and {} in another", name_of(table),
                       row.item, table.clusters[found->second], row.cluster));
    }
    seed_place.emplace(row.seed, 0);
    any_answer = any_answer || row.answer.has_value();
  }
  for (auto& [seed, column] : seed_place) {
    column = table.seeds.size();
    table.seeds.push_back(seed);
  }
  const std::size_t width = table.seeds.size(), cells = table.items.size() * width;
  table.scores.resize(cells);
  if (any_answer) table.answers.resize(cells);
  std::vector<bool> filled(cells);
  for (const ResultRow& row : rows) {
    const std::size_t at = place.at(row.item) * width + seed_place.at(row.seed);
    if (filled[at]) {
      fail(fmt::format("{}: item {} stands twice for seed {}", name_of(table), row.item, row.seed));
    }
    filled[at] = true;
    table.scores[at] = row.score;
    if (row.answer) table.answers[at] = *row.answer;
  }
  // No rows is a result with no items, not an error; it still has one (empty) column.
  if (table.seeds.empty()) table.seeds.push_back(0);
  check_table(table);
  return table;
}

void share_gold_errors(std::span<ScoreTable> tables) {
  std::map<std::string_view, std::unordered_set<std::string_view>> broken;  // task -> items
  for (const ScoreTable& table : tables) {
    check_table(table);
    for (std::size_t i = 0; i < table.items.size(); ++i) {
      if (is_gold_error(table, i)) broken[table.task].insert(table.items[i]);
    }
  }
  for (ScoreTable& table : tables) {
    const auto found = broken.find(table.task);
    if (found == broken.end()) continue;
    table.gold_error.resize(table.items.size());
    for (std::size_t i = 0; i < table.items.size(); ++i) {
      table.gold_error[i] = found->second.contains(table.items[i]) ? 1 : 0;
    }
  }
}

AlignedTables align_items(const ScoreTable& a, const ScoreTable& b, Unmatched unmatched) {
  check_table(a);
  check_table(b);
  std::unordered_map<std::string_view, std::size_t> place;
  for (std::size_t i = 0; i < b.items.size(); ++i) place.emplace(b.items[i], i);
  std::vector<std::size_t> rows_a, rows_b;
  std::string only_a, only_b;
  std::vector<bool> used(b.items.size());
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    const auto found = place.find(a.items[i]);
    if (found == place.end()) {
      if (only_a.empty()) only_a = a.items[i];
      continue;
    }
    rows_a.push_back(i);
    rows_b.push_back(found->second);
    used[found->second] = true;
    if (a.clusters[i] != b.clusters[found->second]) {
      fail(fmt::format("item {} lies in cluster {} in {} and in {} in {}", a.items[i],
                       a.clusters[i], name_of(a), b.clusters[found->second], name_of(b)));
    }
  }
  for (std::size_t i = 0; i < used.size() && only_b.empty(); ++i) {
    if (!used[i]) only_b = b.items[i];
  }
  const std::size_t dropped_a = a.items.size() - rows_a.size();
  const std::size_t dropped_b = b.items.size() - rows_b.size();
  if (unmatched == Unmatched::refuse && dropped_a + dropped_b > 0) {
    fail(
        fmt::format("{} ({} items) and {} ({} items) are on different items: {} only in the first{}"
                    ", {} only in the second{}; expected the same items",
                    name_of(a), a.items.size(), name_of(b), b.items.size(), dropped_a,
                    only_a.empty() ? "" : " (as " + only_a + ")", dropped_b,
                    only_b.empty() ? "" : " (as " + only_b + ")"));
  }
  return {with_rows(a, rows_a), with_rows(b, rows_b), dropped_a, dropped_b};
}

std::vector<double> ItemScores::item_means() const {
  std::vector<double> means(items);
  for (std::size_t i = 0; i < items; ++i) {
    double sum = 0;
    for (std::size_t s = 0; s < seeds; ++s) sum += values[i * seeds + s];
    means[i] = sum / static_cast<double>(seeds);
  }
  return means;
}

std::vector<double> ItemScores::seed_means() const {
  std::vector<double> means(seeds);
  for (std::size_t i = 0; i < items; ++i) {
    for (std::size_t s = 0; s < seeds; ++s) means[s] += values[i * seeds + s];
  }
  for (double& mean : means) mean /= static_cast<double>(items);
  return means;
}

ItemScores item_scores(const ScoreTable& table) {
  ItemScores out;
  out.seeds = table.seeds.size();
  const std::size_t samples = table.samples.count;
  out.samples = std::max<std::size_t>(1, samples);
  std::map<std::string_view, std::uint32_t> number;
  for (std::size_t i = 0; i < table.items.size(); ++i) {
    if (is_gold_error(table, i)) continue;
    number.emplace(table.clusters[i], 0);
    for (std::size_t s = 0; s < out.seeds; ++s) {
      const std::size_t cell = i * out.seeds + s;
      out.values.push_back(table.scores[cell].value_or(0));
      if (samples < 2) continue;
      std::vector<double> answers;
      for (std::size_t k = 0; k < samples; ++k)
        answers.push_back(table.samples.scores[cell * samples + k].value_or(0));
      out.sampling.push_back(variance_of_mean(answers));
    }
  }
  for (auto& [name, index] : number) index = static_cast<std::uint32_t>(out.clusters++);
  for (std::size_t i = 0; i < table.items.size(); ++i) {
    if (is_gold_error(table, i)) continue;
    out.cluster.push_back(number.at(table.clusters[i]));
    out.row.push_back(i);
  }
  out.items = out.cluster.size();
  return out;
}

}  // namespace tradeoff::stats
