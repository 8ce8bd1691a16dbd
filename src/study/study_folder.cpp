#include "study_folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/build_info.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_lock.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/store/difference.hpp"

namespace tradeoff::study {

namespace fs = std::filesystem;

fs::path StudyFolder::journal(const std::string& arm, std::uint64_t seed, TaskKind task) const {
  return root_ / "journal" / arm / fmt::format("seed-{}", seed) / name_of(task);
}

fs::path StudyFolder::adapter(const std::string& arm, std::uint64_t seed) const {
  return root_ / "arms" / arm / fmt::format("seed-{}", seed) / "adapter";
}

void StudyFolder::claim(const Json& record, const Json& machine, bool overwrite,
                        LockKind kind) const {
  const FileLock held(lock("study"), kind);
  if (overwrite) {
    for (const char* name :
         {"journal", "arms", "export", "study.json", "predictions.h5", "complete.json",
          "ledger.jsonl", "report.html", "report.md", "report.json"}) {
      fs::remove_all(root_ / name);
    }
  }
  if (fs::exists(study_json())) {
    const Json before = read_json(study_json());
    const auto found = store::differences(field<Json>(before, "config"), record);
    if (!found.empty()) {
      fail(
          fmt::format("{}: this folder holds another study ({}); name another --output-dir, or "
                      "start anew with --overwrite",
                      root_.string(), fmt::join(found, "; ")));
    }
    return;
  }
  const Json json = {{"config", record},
                     {"commit", build_commit()},
                     {"version", build_version()},
                     {"machine", machine}};
  write_atomically(study_json(), json.dump(2) + "\n");
}

void StudyFolder::append_ledger(const LedgerEntry& entry) const {
  const Json json = {{"arm", entry.arm},
                     {"seed", entry.seed},
                     {"task", entry.task},
                     {"questions", entry.questions},
                     {"prompt_tokens", entry.prompt_tokens},
                     {"new_tokens", entry.new_tokens},
                     {"seconds", entry.seconds},
                     {"ranks", entry.ranks},
                     {"peak_bytes", entry.peak_bytes}};
  std::ofstream(ledger(), std::ios::app) << to_line(json) + "\n";
}

std::vector<LedgerEntry> StudyFolder::read_ledger() const {
  std::vector<LedgerEntry> entries;
  if (!fs::exists(ledger())) return entries;
  for_each_json_line(ledger(), [&](Json& row, std::size_t) {
    entries.push_back({field<std::string>(row, "arm"), field<std::string>(row, "task"),
                       field<std::uint64_t>(row, "seed"), field<std::int64_t>(row, "questions"),
                       field<std::int64_t>(row, "prompt_tokens"),
                       field<std::int64_t>(row, "new_tokens"), field<double>(row, "seconds"),
                       field<std::int64_t>(row, "ranks"),
                       field_or<std::int64_t>(row, "peak_bytes", 0)});
  });
  return entries;
}

void write_completion_record(const fs::path& output_dir) {
  const StudyFolder folder(output_dir);
  const Json json = {{"complete", true}, {"predictions_sha256", sha256_file(folder.predictions())}};
  write_atomically(folder.completion(), json.dump(2) + "\n");
}

}  // namespace tradeoff::study
