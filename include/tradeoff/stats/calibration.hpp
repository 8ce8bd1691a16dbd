#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tradeoff/base/json.hpp"

namespace tradeoff::stats {

/// One multiple-choice answer: the choices' log-probabilities (any common offset) and the gold
/// index, of one run (a model: an arm's seed).
struct ChoiceRow {
  std::vector<double> logprobs;
  std::size_t gold = 0;
  std::size_t run = 0;
};

struct CalibrationBin {
  double low = 0, high = 0;  // confidences in (low, high]
  std::uint64_t rows = 0;
  double confidence = 0, accuracy = 0;  // means over the rows, 0 where there are none
};

struct Calibration {
  std::uint64_t rows = 0, runs = 0;
  // sum_b rows_b / rows * |accuracy_b - confidence_b| of each run, and their mean: runs that err to
  // opposite sides do not cancel. Empty without rows.
  std::optional<double> expected_error;
  // Its expectation for a model of the same confidences that is perfectly calibrated: chance alone
  // keeps the error above 0, the more the fewer rows there are.
  std::optional<double> expected_error_if_perfect;
  std::optional<double> mean_confidence, accuracy;
  // Mean over rows of sum_c (p_c - [c = gold])^2.
  std::optional<double> brier;
  std::vector<CalibrationBin> bins;  // over all runs
};

/// Expected calibration error (Guo et al. 2017): confidence = the largest probability after
/// renormalising over the row's choices; `bins` equal-width bins of (0, 1], 15 as there; ties go to
/// the first choice. Throws for a NaN, +inf, no finite choice, or a gold index out of range.
Calibration calibration(std::span<const ChoiceRow> rows, std::size_t bins = 15);

/// One answer's confidence in [0, 1] and whether it is right, 0 or 1 (or a share), of one run.
struct ConfidenceRow {
  double confidence = 0, right = 0;
  std::size_t run = 0;
};
/// The same of confidences as they are; the Brier score is the mean of (confidence - right)^2.
Calibration calibration(std::span<const ConfidenceRow> rows, std::size_t bins = 15);

/// E |sum_i (X_i - p_i)|, X_i independent Bernoulli(p_i): exact where the sum's variance is below
/// 25, else the normal's sqrt(2 variance / pi), nearer than 1 %.
double expected_absolute_sum(std::span<const double> p);
Json to_json(const Calibration& calibration);

}  // namespace tradeoff::stats
