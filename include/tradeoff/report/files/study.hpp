#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/results/ledger.hpp"
#include "tradeoff/stats/paired.hpp"
#include "tradeoff/store/predictions_file.hpp"

namespace tradeoff::report {

/// A cell's task that the study's configuration asks for and no file holds.
struct MissingCell {
  std::string arm, task;
  std::uint64_t seed = 0;
};

/// What is reported on: one predictions.h5, or several of one study put together.
struct Study {
  store::Predictions predictions;
  // Rows of the ledger.jsonl beside each file, where there is one: what the cells cost.
  std::vector<results::LedgerEntry> ledger;
  std::vector<MissingCell> missing;
  // When the newest predictions.h5 was written, seconds since 1970 (UTC); 0: not known.
  double written_s = 0;
  // The same as lm-evaluation-harness puts it into names: "2026-11-27T01-49-46.680872".
  std::string written() const;
  // What a reader should know of the files: other commits, names, ledgers that are not there.
  std::vector<std::string> notes;
};

/// Reads and merges. Files of one study hold other seeds or arms of the same questions; arms and
/// seeds are joined in the order of the files. Throws Error naming files and place for: a file that
/// is missing, torn or foreign; configurations, data, prompts, model or task versions that differ;
/// other questions; a cell that stands in two files (one that is computed once may, if it is
/// equal).
Study read_study(std::span<const std::filesystem::path> files);

/// [study] margin.TASK as the file's configuration holds it; none in older files. Throws Error
/// naming the key for anything but a fraction between 0 and 1.
std::vector<stats::TaskMargin> stored_margins(const store::Predictions& predictions);

}  // namespace tradeoff::report
