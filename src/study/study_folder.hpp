#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "growth.hpp"
#include "tradeoff/base/file_lock.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/results/ledger.hpp"
#include "tradeoff/study/options.hpp"

namespace tradeoff::study {

/// Names inside a study's folder.
class StudyFolder {
 public:
  explicit StudyFolder(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path study_json() const { return root_ / "study.json"; }
  std::filesystem::path predictions() const { return root_ / "predictions.h5"; }
  std::filesystem::path completion() const { return root_ / "complete.json"; }
  std::filesystem::path ledger() const { return root_ / "ledger.jsonl"; }
  std::filesystem::path journal(const std::string& arm, std::uint64_t seed,
                                const std::string& task) const;
  /// Of a task of kind sql: its judged answers.
  std::filesystem::path judged(const std::string& arm, std::uint64_t seed,
                               const std::string& task) const;
  std::filesystem::path adapter(const std::string& arm, std::uint64_t seed) const;
  std::filesystem::path lock(const std::string& name) const {
    return root_ / "locks" / (name + ".lock");
  }

  /// Makes the folder the one of `study`: written into study.json when new; where another stands
  /// there that has grown into this one, it takes its place, and its results stay. --overwrite
  /// empties the folder first. One process at a time (its own lock). Throws Error naming each cell
  /// whose results would be others, and the keys.
  void claim(const StudyRecord& study, const Json& machine, bool overwrite, LockKind kind) const;
  /// Puts a cell's cost into the ledger, which other processes write too.
  void record(const results::LedgerEntry& entry, LockKind kind) const;

 private:
  void grow(Json json, const StudyRecord& study, const Json& machine) const;
  bool has_results(const std::string& arm, std::uint64_t seed, const std::string& task) const;

  std::filesystem::path root_;
};

}  // namespace tradeoff::study
