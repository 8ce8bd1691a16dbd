#include "study_folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/build_info.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_lock.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/json_file.hpp"
#include "tradeoff/store/difference.hpp"
#include "tradeoff/study/run.hpp"

namespace tradeoff::study {

namespace fs = std::filesystem;

fs::path StudyFolder::journal(const std::string& arm, std::uint64_t seed,
                              const std::string& task) const {
  return root_ / "journal" / arm / fmt::format("seed-{}", seed) / task;
}

fs::path StudyFolder::adapter(const std::string& arm, std::uint64_t seed) const {
  return root_ / "arms" / arm / fmt::format("seed-{}", seed) / "adapter";
}

void StudyFolder::claim(const Json& record, const Json& plan, const Json& machine, bool overwrite,
                        LockKind kind) const {
  const FileLock held(lock("study"), kind);
  if (overwrite) {
    for (const char* name :
         {"journal", "arms", "export", "study.json", "predictions.h5", "complete.json",
          "ledger.jsonl", "report.html", "report.md", "report.json"}) {
      fs::remove_all(root_ / name);
    }
  }
  remove_leftovers_in(root_);
  if (fs::exists(study_json())) {
    Json before = read_json(study_json());
    const auto found =
        store::differences(field_of_file<Json>(before, study_json(), "config"), record);
    if (!found.empty()) {
      fail(
          fmt::format("{}: this folder holds another study ({}); name another --output-dir, or "
                      "start anew with --overwrite",
                      root_.string(), fmt::join(found, "; ")));
    }
    if (before.contains("plan")) return;
    before["plan"] = plan;
    write_atomically(study_json(), before.dump(2) + "\n");
    return;
  }
  const Json json = {{"config", record},
                     {"plan", plan},
                     {"commit", build_commit()},
                     {"version", build_version()},
                     {"machine", machine}};
  write_atomically(study_json(), json.dump(2) + "\n");
}

void StudyFolder::record(const LedgerEntry& entry, LockKind kind) const {
  const FileLock held(lock("ledger"), kind);
  record_cost(ledger(), entry);
}

void write_completion_record(const fs::path& output_dir) {
  const StudyFolder folder(output_dir);
  const Json json = {{"complete", true}, {"predictions_sha256", sha256_file(folder.predictions())}};
  write_atomically(folder.completion(), json.dump(2) + "\n");
}

}  // namespace tradeoff::study
