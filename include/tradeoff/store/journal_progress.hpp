#pragma once
#include <cstdint>
#include <filesystem>

namespace tradeoff::store {

/// How far the journals of a folder have come, whoever writes them meanwhile. Only end records are
/// read, so that a large study can be looked at every few seconds.
struct JournalProgress {
  std::int64_t rows = 0;  // of finished chunks, none counted twice
  // What was made, chunks made twice included, and the time of all starts that made it, to the last
  // finished chunk of each.
  std::int64_t made = 0;
  double seconds = 0;
  std::int64_t written_at = 0;  // Unix seconds of the newest change; 0: no journal
};

/// Zeros where there is no such folder. Damaged and torn lines do not count.
JournalProgress journal_progress(const std::filesystem::path& folder);

}  // namespace tradeoff::store
