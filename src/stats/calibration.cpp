#include "tradeoff/stats/calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>

#include "tradeoff/base/error.hpp"

namespace tradeoff::stats {
namespace {

void check_row(const ChoiceRow& row, std::size_t index) {
  if (row.gold >= row.logprobs.size()) {
    fail(fmt::format("calibration: row {} has gold choice {} of {} choices", index, row.gold,
                     row.logprobs.size()));
  }
  bool finite = false;
  for (const double logprob : row.logprobs) {
    // -inf is a choice of probability 0.
    if (std::isnan(logprob) || logprob == std::numeric_limits<double>::infinity()) {
      fail(fmt::format("calibration: row {} has log-probability {}, expected a number or -inf",
                       index, logprob));
    }
    finite = finite || std::isfinite(logprob);
  }
  if (!finite)
    fail(fmt::format("calibration: row {} has no choice of finite log-probability", index));
}

// Bin b holds (b/bins, (b+1)/bins]; compared with the edges themselves, so that an edge falls
// below.
std::size_t bin_of(double confidence, const std::vector<CalibrationBin>& bins) {
  auto at = static_cast<std::size_t>(confidence * static_cast<double>(bins.size()));
  at = std::min(at, bins.size() - 1);
  while (at > 0 && confidence <= bins[at].low) --at;
  while (at + 1 < bins.size() && confidence > bins[at].high) ++at;
  return at;
}

// One run's rows by bin.
struct RunBins {
  std::vector<std::vector<double>> confidence;  // [bins][rows]
  std::vector<double> right;                    // [bins]
  std::size_t rows = 0;

  void add(std::size_t bin, double of_row, double is_right, std::size_t bins) {
    confidence.resize(bins);
    right.resize(bins);
    confidence[bin].push_back(of_row);
    right[bin] += is_right;
    ++rows;
  }
  double error() const {
    double sum = 0;
    for (std::size_t b = 0; b < right.size(); ++b) {
      const double wanted = std::accumulate(confidence[b].begin(), confidence[b].end(), 0.0);
      sum += std::abs(right[b] - wanted);
    }
    return sum / static_cast<double>(rows);
  }
  double error_if_perfect() const {
    double sum = 0;
    for (const auto& of_bin : confidence) sum += expected_absolute_sum(of_bin);
    return sum / static_cast<double>(rows);
  }
};

}  // namespace

double expected_absolute_sum(std::span<const double> p) {
  double mean = 0, variance = 0;
  for (const double one : p) {
    check(one >= 0 && one <= 1, fmt::format("calibration: probability {}", one));
    mean += one;
    variance += one * (1 - one);
  }
  if (variance >= 25) return std::sqrt(2 * variance / std::numbers::pi);
  // The rarer of hits and misses is counted; beyond 12 standard deviations nothing is left.
  const double n = static_cast<double>(p.size());
  const bool misses = mean > n / 2;
  if (misses) mean = n - mean;
  const auto most = static_cast<std::size_t>(std::min(n, mean + 12 * std::sqrt(variance) + 20));
  std::vector<double> chance(most + 1);  // of so many
  chance[0] = 1;
  for (const double one : p) {
    const double hit = misses ? 1 - one : one;
    for (std::size_t k = most; k > 0; --k) chance[k] = chance[k] * (1 - hit) + chance[k - 1] * hit;
    chance[0] *= 1 - hit;
  }
  double sum = 0;
  for (std::size_t k = 0; k <= most; ++k)
    sum += chance[k] * std::abs(static_cast<double>(k) - mean);
  return sum;
}

Calibration calibration(std::span<const ConfidenceRow> rows, std::size_t bins) {
  check(bins > 0, "calibration: no bins, expected at least one");
  Calibration out;
  for (std::size_t b = 0; b < bins; ++b) {
    const double count = static_cast<double>(bins);
    out.bins.push_back({static_cast<double>(b) / count, static_cast<double>(b + 1) / count});
  }
  std::map<std::size_t, RunBins> runs;
  double confidence_sum = 0, right_sum = 0, brier_sum = 0;
  for (const ConfidenceRow& row : rows) {
    brier_sum += (row.confidence - row.right) * (row.confidence - row.right);
    confidence_sum += row.confidence;
    right_sum += row.right;
    const std::size_t at = bin_of(row.confidence, out.bins);
    runs[row.run].add(at, row.confidence, row.right, bins);
    CalibrationBin& bin = out.bins[at];
    ++bin.rows;
    bin.confidence += row.confidence;
    bin.accuracy += row.right;
  }
  out.rows = rows.size();
  if (rows.empty()) return out;
  const double n = static_cast<double>(rows.size()), of_runs = static_cast<double>(runs.size());
  double error = 0, perfect = 0;
  for (const auto& [run, of_run] : runs) {
    error += of_run.error() / of_runs;
    perfect += of_run.error_if_perfect() / of_runs;
  }
  for (CalibrationBin& bin : out.bins) {
    if (bin.rows == 0) continue;
    bin.confidence /= static_cast<double>(bin.rows);
    bin.accuracy /= static_cast<double>(bin.rows);
  }
  out.runs = runs.size();
  out.expected_error = error;
  out.expected_error_if_perfect = perfect;
  out.mean_confidence = confidence_sum / n;
  out.accuracy = right_sum / n;
  out.brier = brier_sum / n;
  return out;
}

Calibration calibration(std::span<const ChoiceRow> rows, std::size_t bins) {
  std::vector<ConfidenceRow> chosen;
  double brier_sum = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ChoiceRow& row = rows[i];
    check_row(row, i);
    const auto best = std::ranges::max_element(row.logprobs);
    double total = 0;
    for (const double logprob : row.logprobs) total += std::exp(logprob - *best);
    const bool right = best - row.logprobs.begin() == static_cast<std::ptrdiff_t>(row.gold);
    for (std::size_t c = 0; c < row.logprobs.size(); ++c) {
      const double gap = std::exp(row.logprobs[c] - *best) / total - (c == row.gold ? 1 : 0);
      brier_sum += gap * gap;
    }
    chosen.push_back({1 / total, right ? 1.0 : 0.0, row.run});
  }
  Calibration out = calibration(chosen, bins);
  if (!rows.empty()) out.brier = brier_sum / static_cast<double>(rows.size());
  return out;
}

}  // namespace tradeoff::stats
