#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tradeoff::results {

/// Stands in the place of a task in the line of a training.
inline constexpr const char* kTrainingTask = "training";

/// What computing one task of a cell took over all starts that did a part of it, or its training
/// (task "training", questions the samples seen); a line of ledger.jsonl. Reduced from journals and
/// loss curves, so that a ledger which is lost or damaged is made again.
struct LedgerEntry {
  std::string arm, task;
  std::uint64_t seed = 0;
  std::int64_t questions = 0, prompt_tokens = 0, new_tokens = 0;
  // Wall clock of all ranks together, over all starts, what was redone included.
  double seconds = 0;
  // Of the start that had most.
  std::int64_t ranks = 1;
  // Wall clock times ranks, start by start.
  double device_seconds = 0;
  std::int64_t peak_bytes = 0;  // of the rank that needed most; 0: not recorded
  std::int64_t starts = 1;
  // Starts that a kill ended: what each did after its last recorded chunk or step is not in
  // `seconds`. Starts whose record is lost are among them, with none of their time.
  std::int64_t cut_starts = 0;
  // Of the work that a later start did again: questions, and the seconds of training steps.
  std::int64_t redone = 0;
  double redone_seconds = 0;

  bool operator==(const LedgerEntry&) const = default;
};

/// The lines of a ledger; none where there is no such file. A line that is not a ledger's is left
/// out and told in `damage` as "FILE:LINE: ...".
std::vector<LedgerEntry> read_ledger(const std::filesystem::path& file,
                                     std::vector<std::string>& damage);

/// Puts `entry` in the place of the one of its arm, seed and task, or at the end. The file is
/// written whole or not at all; one process at a time. A peak that is not known stays as it was.
void record_cost(const std::filesystem::path& file, LedgerEntry entry);

}  // namespace tradeoff::results
