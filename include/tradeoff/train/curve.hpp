#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tradeoff/base/json.hpp"

namespace tradeoff::train {

/// One optimizer step: a row of train.jsonl.
struct CurveRow {
  std::int64_t step = 0;  // from 1
  double epoch = 0;       // passes over the data after it
  double loss = 0;        // mean over the step's supervised tokens, before the update
  double learning_rate = 0, grad_norm = 0;
  std::int64_t tokens = 0, supervised_tokens = 0;  // of all samples, none counted twice
  double seconds = 0;

  double tokens_per_s() const { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0; }
};

Json to_json(const CurveRow& row);

/// train.jsonl of a training folder. Throws Error naming file and line.
std::vector<CurveRow> read_curve(const std::filesystem::path& file);

/// Appends rows, each on disk's way before the next step begins.
class CurveWriter {
 public:
  /// Keeps the first `kept` rows of what the file holds and leaves out the rest.
  CurveWriter(const std::filesystem::path& file, std::int64_t kept);
  void add(const CurveRow& row);

 private:
  std::filesystem::path file_;
  std::ofstream out_;
};

}  // namespace tradeoff::train
