#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/report/options.hpp"
#include "tradeoff/stats/reduce.hpp"

namespace tradeoff::report {

/// The scores in one result file, a table an arm and task: a predictions.h5 (or a study's folder),
/// rows of `score --out`, or lm-eval samples (a file, or a folder of samples_*.jsonl, whose items
/// then are named TASK/DOC_ID). Throws Error naming the file, and the line, for anything else.
struct ResultFile {
  // Where answers are written alike, so that equal ones have equal codes.
  enum class Kind { predictions, rows } kind = Kind::predictions;
  std::vector<stats::ScoreTable> tables;
  // Those that the study was run with.
  std::vector<stats::TaskMargin> margins;
};
ResultFile read_results(const std::filesystem::path& path, const CompareOptions& options);

/// The comparisons that the options ask for: of two files' arms, or of one file's; Holm over all.
/// Without --margin a task is tested against the margin that its files state; two files that state
/// others are an Error naming both.
std::vector<stats::Comparison> compare_files(const CompareOptions& options);

}  // namespace tradeoff::report
