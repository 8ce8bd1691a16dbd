#include "tradeoff/stats/samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tradeoff/base/error.hpp"
#include "tradeoff/stats/accuracy.hpp"

namespace tradeoff::stats {
namespace {

// The group of most weight; `weight` of each answer.
Vote heaviest(std::span<const std::uint64_t> groups,
              const std::function<double(std::size_t)>& weight) {
  Vote best;
  double most = 0;
  for (std::size_t first = 0; first < groups.size(); ++first) {
    const auto before = groups.first(first);
    if (groups[first] == 0 || std::ranges::find(before, groups[first]) != before.end()) continue;
    double sum = 0;
    std::size_t votes = 0;
    for (std::size_t k = first; k < groups.size(); ++k) {
      if (groups[k] != groups[first]) continue;
      sum += weight(k);
      ++votes;
    }
    if (best.votes > 0 && sum <= most) continue;
    best = {first, votes};
    most = sum;
  }
  return best;
}

// The samples of one item and seed.
struct Answers {
  std::span<const std::optional<double>> scores;
  std::span<const std::uint64_t> groups;
  std::span<const double> logprobs;
};

Answers answers_at(const SampleColumns& samples, std::size_t cell) {
  const std::size_t n = samples.count, at = cell * n;
  return {std::span(samples.scores).subspan(at, n), std::span(samples.groups).subspan(at, n),
          std::span(samples.logprobs).subspan(at, n)};
}

}  // namespace

Vote vote(std::span<const std::uint64_t> groups) {
  return heaviest(groups, [](std::size_t) { return 1.0; });
}

Vote vote_weighted(std::span<const std::uint64_t> groups, std::span<const double> logprobs) {
  double largest = -std::numeric_limits<double>::infinity();
  for (const double logprob : logprobs) largest = std::fmax(largest, logprob);
  return heaviest(groups, [&](std::size_t k) {
    return std::isnan(logprobs[k]) ? 0.0 : std::exp(logprobs[k] - largest);
  });
}

double pass_at_k(std::size_t n, std::size_t c, std::size_t k) {
  check(k >= 1 && k <= n && c <= n,
        fmt::format("pass@k of {} right in {} answers for k = {}", c, n, k));
  if (n - c < k) return 1;
  double none = 1;
  for (std::size_t i = n - c + 1; i <= n; ++i)
    none *= 1 - static_cast<double>(k) / static_cast<double>(i);
  return 1 - none;
}

std::optional<SampleSummary> summarize_samples(const ScoreTable& table) {
  const SampleColumns& samples = table.samples;
  ItemScores votes = item_scores(table);
  if (samples.count == 0 || votes.items == 0) return std::nullopt;
  SampleSummary out;
  out.samples = samples.count;
  out.pass_at.resize(samples.count);
  votes.values.clear();
  votes.sampling.clear();
  std::vector<ConfidenceRow> rows;
  for (const std::size_t row : votes.row) {
    for (std::size_t s = 0; s < votes.seeds; ++s) {
      const Answers of = answers_at(samples, row * votes.seeds + s);
      const auto right = static_cast<std::size_t>(
          std::ranges::count_if(of.scores, [](const auto& score) { return score == 1.0; }));
      for (std::size_t k = 1; k <= samples.count; ++k)
        out.pass_at[k - 1] += pass_at_k(samples.count, right, k);
      const Vote won = vote(of.groups);
      const double score = of.scores[won.sample].value_or(0);
      const double share = static_cast<double>(won.votes) / static_cast<double>(samples.count);
      votes.values.push_back(score);
      out.vote += score;
      out.vote_weighted += of.scores[vote_weighted(of.groups, of.logprobs).sample].value_or(0);
      out.agreement += share;
      rows.push_back({share, score, s});
    }
  }
  const double cells = static_cast<double>(votes.items * votes.seeds);
  for (double* sum : {&out.vote, &out.vote_weighted, &out.agreement}) *sum /= cells;
  for (double& sum : out.pass_at) sum /= cells;
  out.vote95 = accuracy_interval(votes);
  out.calibration = calibration(rows);
  return out;
}

void append_metrics(Json& metrics, const SampleSummary& summary) {
  Json pass = Json::object();
  for (std::size_t k = 1; k <= summary.pass_at.size(); ++k)
    pass[std::to_string(k)] = summary.pass_at[k - 1];
  metrics["pass_at_k"] = std::move(pass);
  metrics["vote"] = summary.vote;
  metrics["vote_weighted"] = summary.vote_weighted;
  metrics["oracle"] = summary.pass_at.back();
  metrics["agreement"] = summary.agreement;
}

}  // namespace tradeoff::stats
