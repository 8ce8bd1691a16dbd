#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tradeoff/stats/plan.hpp"

namespace tradeoff::report {

/// What of a study is reported, and how.
struct Selection {
  // The arms, as the files name them, in this order; empty: all.
  std::vector<std::string> arms;
  // "old=new": what an arm is called.
  std::vector<std::string> rename;
  // The metric that accuracy means where queries are written (exec, set, strict); empty: the
  // study's own.
  std::string primary;
};

/// The `report` command.
struct ReportOptions {
  // predictions.h5 files of one study, or folders that hold one.
  std::vector<std::filesystem::path> files;
  // Where report.html, report.md, report.json and export/ go; empty: the folder of the one file.
  std::filesystem::path output_dir;
  Selection selection;
  // Whether export/ is written too.
  bool exports = true;
};

/// One side of `compare` is a file and, in a predictions.h5, an arm.
struct CompareOptions {
  // One predictions.h5, or two result files: predictions.h5, rows of `score --out`, lm-eval samples
  // (a file, or the folder of its samples_*.jsonl), or folders of studies.
  std::vector<std::filesystem::path> files;
  // Arms of predictions.h5 files; empty: the only one there, or with one file every pair.
  std::string a, b;
  // Task of predictions.h5 files; empty: every task that both have.
  std::string task;
  // Metric; empty: the study's primary one, else `exec` of score's rows and `acc` of lm-eval's.
  std::string metric;
  // Of lm-eval samples of several filters, the one that counts; empty: the only one.
  std::string filter;
  // What makes two rows the same item.
  enum class Key { id, question } key = Key::id;
  // Leaves out items that one side alone has, and counts them.
  bool common = false;
  // A loss that would not matter, on every task compared; empty: nothing is tested against one.
  std::optional<stats::Margin> margin;
  // JSON to write beside the text; empty: none.
  std::filesystem::path out;
};

/// The `plan` command.
struct PlanCommandOptions {
  // The design that is asked about; what a pilot shows replaces what is not stated.
  stats::PlanOptions plan;
  // A finished smaller study: its discordance, clustering, seeds and ledger.
  std::filesystem::path pilot;
  // The pilot's arms; empty: the reference arm against every other.
  std::string a, b;
  // With a pilot: which seeds to add until the always-valid interval of each difference is this
  // near to either side.
  std::optional<stats::Margin> next;
  // JSON to write beside the text; empty: none.
  std::filesystem::path out;
};

}  // namespace tradeoff::report
