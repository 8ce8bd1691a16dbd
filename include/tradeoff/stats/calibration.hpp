#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tradeoff/base/json.hpp"

namespace tradeoff::stats {

/// One multiple-choice answer: the choices' log-probabilities (any common offset) and the gold
/// index.
struct ChoiceRow {
  std::vector<double> logprobs;
  std::size_t gold = 0;
};

struct CalibrationBin {
  double low = 0, high = 0;  // confidences in (low, high]
  std::uint64_t rows = 0;
  double confidence = 0, accuracy = 0;  // means over the rows, 0 where there are none
};

struct Calibration {
  std::uint64_t rows = 0;
  // sum_b rows_b / rows * |accuracy_b - confidence_b|; empty without rows.
  std::optional<double> expected_error;
  std::optional<double> mean_confidence, accuracy;
  // Mean over rows of sum_c (p_c - [c = gold])^2.
  std::optional<double> brier;
  std::vector<CalibrationBin> bins;
};

/// Expected calibration error (Guo et al. 2017): confidence = the largest probability after
/// renormalising over the row's choices; `bins` equal-width bins of (0, 1], 15 as there; ties go to
/// the first choice. Throws for a NaN, +inf, no finite choice, or a gold index out of range.
Calibration calibration(std::span<const ChoiceRow> rows, std::size_t bins = 15);
Json to_json(const Calibration& calibration);

}  // namespace tradeoff::stats
