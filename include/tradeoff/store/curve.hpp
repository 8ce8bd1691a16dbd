#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/store/sealed_line.hpp"

namespace tradeoff::store {

/// One optimizer step: a row of train.jsonl.
struct CurveRow {
  std::int64_t step = 0;  // from 1
  double epoch = 0;       // passes over the data after it
  double loss = 0;        // mean over the step's supervised tokens, before the update
  double learning_rate = 0, grad_norm = 0;
  std::int64_t tokens = 0, supervised_tokens = 0;  // of all samples, none counted twice
  double seconds = 0;
  std::string start;  // of the ranks that made it, as in the journals
  int ranks = 1;

  double tokens_per_s() const { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0; }
};

Json to_json(const CurveRow& row);
CurveRow curve_row(const Json& json);
/// A curve as one value, and the one under "curve" in `object`.
Json curve_json(const std::vector<CurveRow>& rows);
std::vector<CurveRow> curve_of(const Json& object);

/// The loss curve of a training folder: OUT/train.jsonl, a sealed line a step. Steps that a start
/// made after the last checkpoint, and a later one made again, stand in OUT/redone.jsonl: they cost
/// time, and are no part of the curve.
std::filesystem::path curve_file(const std::filesystem::path& out);
std::filesystem::path redone_file(const std::filesystem::path& out);

/// The rows of a sealed file; none where there is no such file. A damaged line is left out and told
/// in `damage`.
std::vector<CurveRow> read_curve(const std::filesystem::path& file,
                                 std::vector<std::string>& damage);

/// Whether `rows` are the steps 1, 2, ... `steps`.
bool is_whole_curve(const std::vector<CurveRow>& rows, std::int64_t steps);

/// Appends rows. Each outlives this process at once, and the machine after sync().
class CurveWriter {
 public:
  /// Begins with `kept`, the rows that the checkpoint has; whatever else the file holds was made
  /// for nothing, and goes to redone.jsonl.
  CurveWriter(const std::filesystem::path& out, std::vector<CurveRow> kept);
  void add(const CurveRow& row);
  void sync() { file_.sync(); }
  /// All rows, those kept first.
  const std::vector<CurveRow>& rows() const { return rows_; }

 private:
  std::vector<CurveRow> rows_;
  AppendFile file_;
};

}  // namespace tradeoff::store
