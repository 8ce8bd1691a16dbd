#include "tradeoff/stats/calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

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

}  // namespace

Calibration calibration(std::span<const ChoiceRow> rows, std::size_t bins) {
  check(bins > 0, "calibration: no bins, expected at least one");
  Calibration out;
  for (std::size_t b = 0; b < bins; ++b) {
    const double count = static_cast<double>(bins);
    out.bins.push_back({static_cast<double>(b) / count, static_cast<double>(b + 1) / count});
  }
  double confidence_sum = 0, right_sum = 0, brier_sum = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ChoiceRow& row = rows[i];
    check_row(row, i);
    const auto best = std::ranges::max_element(row.logprobs);
    double total = 0;
    for (const double logprob : row.logprobs) total += std::exp(logprob - *best);
    const double confidence = 1 / total;
    const double right = best - row.logprobs.begin() == static_cast<std::ptrdiff_t>(row.gold);
    for (std::size_t c = 0; c < row.logprobs.size(); ++c) {
      const double gap = std::exp(row.logprobs[c] - *best) / total - (c == row.gold ? 1 : 0);
      brier_sum += gap * gap;
    }
    confidence_sum += confidence;
    right_sum += right;
    CalibrationBin& bin = out.bins[bin_of(confidence, out.bins)];
    ++bin.rows;
    bin.confidence += confidence;
    bin.accuracy += right;
  }
  out.rows = rows.size();
  if (rows.empty()) return out;
  const double n = static_cast<double>(rows.size());
  double error = 0;
  for (CalibrationBin& bin : out.bins) {
    if (bin.rows == 0) continue;
    error += std::abs(bin.accuracy - bin.confidence) / n;
    bin.confidence /= static_cast<double>(bin.rows);
    bin.accuracy /= static_cast<double>(bin.rows);
  }
  out.expected_error = error;
  out.mean_confidence = confidence_sum / n;
  out.accuracy = right_sum / n;
  out.brier = brier_sum / n;
  return out;
}

}  // namespace tradeoff::stats
