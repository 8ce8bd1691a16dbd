#include "tradeoff/report/files/study.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <set>

#include "merge.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/results/reduce.hpp"

namespace tradeoff::report {
namespace {

namespace fs = std::filesystem;

std::vector<std::uint64_t> seeds_of(const store::Predictions& predictions) {
  const auto study = predictions.config.find("study");
  if (study != predictions.config.end() && study->contains("seeds")) {
    return field<std::vector<std::uint64_t>>(*study, "seeds");
  }
  std::set<std::uint64_t> seeds;
  for (const auto& [key, run] : predictions.runs) seeds.insert(key.seed);
  return {seeds.begin(), seeds.end()};
}

std::vector<std::string> tasks_of(const store::Predictions& predictions) {
  const auto study = predictions.config.find("study");
  if (study != predictions.config.end() && study->contains("tasks")) {
    return field<std::vector<std::string>>(*study, "tasks");
  }
  return results::task_order(predictions);
}

bool computed_once(const store::Predictions& predictions, const std::string& arm,
                   const std::string& task) {
  return std::ranges::any_of(predictions.runs, [&](const auto& entry) {
    return entry.first.arm == arm && entry.first.task == task &&
           entry.second.attributes.contains("computed_once");
  });
}

std::vector<MissingCell> missing_cells(const store::Predictions& predictions) {
  std::vector<MissingCell> missing;
  for (const std::string& arm : results::arm_order(predictions)) {
    for (const std::string& task : tasks_of(predictions)) {
      if (computed_once(predictions, arm, task)) continue;
      for (const std::uint64_t seed : seeds_of(predictions)) {
        if (!predictions.runs.contains({arm, seed, task})) missing.push_back({arm, task, seed});
      }
    }
  }
  return missing;
}

double written_at(const fs::path& file) {
  struct stat info {};
  check_errno(::stat(file.c_str(), &info), "stat " + file.string());
  return static_cast<double>(info.st_mtim.tv_sec) +
         static_cast<double>(info.st_mtim.tv_nsec / 1000) * 1e-6;
}

void read_ledger(const fs::path& file, Study& study) {
  const fs::path ledger = file.parent_path() / "ledger.jsonl";
  if (!fs::exists(ledger)) {
    study.notes.push_back(
        fmt::format("{}: no ledger.jsonl beside it, so its cost is unknown", file.string()));
    return;
  }
  std::vector<std::string> damage;
  for (auto& entry : results::read_ledger(ledger, damage)) study.ledger.push_back(std::move(entry));
  for (const std::string& line : damage) {
    log::warn("{}", line);
    study.notes.push_back(line);
  }
}

}  // namespace

std::string Study::written() const {
  const auto whole = static_cast<std::time_t>(written_s);
  const auto micro = static_cast<int>(std::floor((written_s - static_cast<double>(whole)) * 1e6));
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H-%M-%S", &parts);
  return fmt::format("{}.{:06}", text, micro);
}

Study read_study(std::span<const fs::path> files) {
  if (files.empty()) fail("no predictions.h5 given");
  Study study;
  std::set<fs::path> folders;
  for (const fs::path& file : files) {
    store::Predictions next = store::read_predictions(file);
    if (&file == &files.front()) {
      study.predictions = std::move(next);
    } else {
      merge_into(study, files.front(), file, std::move(next));
    }
    study.written_s = std::max(study.written_s, written_at(file));
    const fs::path folder = fs::absolute(file).lexically_normal().parent_path();
    if (folders.insert(folder).second) read_ledger(file, study);
  }
  study.missing = missing_cells(study.predictions);
  return study;
}

std::vector<stats::TaskMargin> stored_margins(const store::Predictions& predictions) {
  std::vector<stats::TaskMargin> margins;
  const auto found = predictions.config.find("margin");
  if (found == predictions.config.end()) return margins;
  for (const std::string& task : results::task_order(predictions)) {
    const auto margin = found->find(task);
    if (margin == found->end() || margin->is_null()) continue;
    const bool fraction =
        margin->is_number() && margin->get<double>() > 0 && margin->get<double>() < 1;
    check(fraction, fmt::format("config: margin.{} = {}, expected a fraction between 0 and 1", task,
                                margin->dump()));
    margins.push_back({task, margin->get<double>()});
  }
  return margins;
}

}  // namespace tradeoff::report
