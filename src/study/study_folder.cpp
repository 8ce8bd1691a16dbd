#include "study_folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cell_inputs.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/build_info.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_lock.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/json_file.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/study/run.hpp"

namespace tradeoff::study {

namespace fs = std::filesystem;

fs::path StudyFolder::journal(const std::string& arm, std::uint64_t seed,
                              const std::string& task) const {
  return root_ / "journal" / arm / fmt::format("seed-{}", seed) / task;
}

fs::path StudyFolder::judged(const std::string& arm, std::uint64_t seed,
                             const std::string& task) const {
  return root_ / "judged" / arm / fmt::format("seed-{}", seed) / task;
}

fs::path StudyFolder::adapter(const std::string& arm, std::uint64_t seed) const {
  return root_ / "arms" / arm / fmt::format("seed-{}", seed) / "adapter";
}

bool StudyFolder::has_results(const std::string& arm, std::uint64_t seed,
                              const std::string& task) const {
  const fs::path folder = task == kTrainingInputs ? adapter(arm, seed) : journal(arm, seed, task);
  return fs::is_directory(folder) && !fs::is_empty(folder);
}

void StudyFolder::grow(Json json, const StudyRecord& study, const Json& machine) const {
  const auto of_file = [&](const char* key) {
    check(json.contains(key),
          fmt::format("{}: no \"{}\": another version made it; name another --output-dir, or start "
                      "anew with --overwrite",
                      study_json().string(), key));
    return field_of_file<Json>(json, study_json(), key);
  };
  const StudyRecord before = {of_file("config"), of_file("inputs"), of_file("plan")};
  if (before.config == study.config && before.inputs == study.inputs && before.plan == study.plan)
    return;
  std::vector<std::string> contrary, changes;
  try {
    contrary = contrary_cells(before, study, [this](const auto& arm, auto seed, const auto& task) {
      return has_results(arm, seed, task);
    });
    changes = growth_of(before.config, study.config);
  } catch (const Error& error) {
    fail(study_json().string() + ": " + error.what());
  }
  if (!contrary.empty())
    fail(fmt::format(
        "{}: this folder holds results that the job would change:\n  {}\nTake back what "
        "differs (`report --arms` leaves arms out), name another --output-dir, or start "
        "anew with --overwrite",
        root_.string(), fmt::join(contrary, "\n  ")));
  for (const std::string& change : changes) log::info("the study grows: {}", change);
  json["config"] = study.config;
  json["inputs"] = study.inputs;
  json["plan"] = study.plan;
  json["grown"].push_back({{"changes", changes},
                           {"commit", build_commit()},
                           {"version", build_version()},
                           {"machine", machine}});
  fs::remove(completion());
  write_atomically(study_json(), to_lines(json));
}

void StudyFolder::claim(const StudyRecord& study, const Json& machine, bool overwrite,
                        LockKind kind) const {
  const FileLock held(lock("study"), kind);
  if (overwrite) {
    for (const char* name :
         {"journal", "judged", "arms", "export", "study.json", "predictions.h5", "complete.json",
          "ledger.jsonl", "report.html", "report.md", "report.json"}) {
      fs::remove_all(root_ / name);
    }
  }
  remove_leftovers_in(root_);
  if (fs::exists(study_json())) return grow(read_json(study_json()), study, machine);
  const Json json = {{"config", study.config},     {"inputs", study.inputs},
                     {"plan", study.plan},         {"commit", build_commit()},
                     {"version", build_version()}, {"machine", machine}};
  write_atomically(study_json(), to_lines(json));
}

void StudyFolder::record(const results::LedgerEntry& entry, LockKind kind) const {
  const FileLock held(lock("ledger"), kind);
  results::record_cost(ledger(), entry);
}

void write_completion_record(const fs::path& output_dir) {
  const StudyFolder folder(output_dir);
  const Json json = {{"complete", true}, {"predictions_sha256", sha256_file(folder.predictions())}};
  write_atomically(folder.completion(), to_lines(json));
}

}  // namespace tradeoff::study
