#include "tradeoff/results/status.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "status_ranks.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/results/ledger.hpp"
#include "tradeoff/store/curve.hpp"
#include "tradeoff/store/journal_progress.hpp"
#include "tradeoff/store/sealed_line.hpp"

namespace tradeoff::results {
namespace {

namespace fs = std::filesystem;

std::int64_t change_time(const fs::path& file) {
  struct stat info {};
  return ::stat(file.c_str(), &info) == 0 ? static_cast<std::int64_t>(info.st_mtime) : 0;
}

// Steps of one training: the newest step is how far it has come.
void read_steps(const fs::path& file, WorkStatus& work) {
  if (!fs::exists(file)) return;
  for (const store::SealedLine& line : store::read_sealed(file)) {
    if (!line.object) continue;
    work.done = std::max(work.done, field_or<std::int64_t>(*line.object, "step", 0));
    work.seconds += field_or<double>(*line.object, "seconds", 0.0);
    ++work.made;
  }
  work.written_at = change_time(file);
}

class Reader {
 public:
  Reader(fs::path folder, std::int64_t now) : folder_(std::move(folder)), now_(now) {}

  StudyStatus read() {
    const fs::path file = folder_ / "study.json";
    check(fs::exists(file), folder_.string() + ": no study.json, so no study has begun here");
    const Json study = read_json(file);
    check(study.contains("plan"),
          file.string() +
              ": no \"plan\": not a study.json of `tradeoff run`, or of an early version");
    const Json config = field<Json>(study, "config");
    status_.name =
        field_or<std::string>(field_or<Json>(config, "study", Json::object()), "name", "study");
    ledger_ = read_ledger(folder_ / "ledger.jsonl", status_.remarks);
    status_.ranks = read_ranks(folder_ / "heartbeat", now_);
    const Json plan = field<Json>(study, "plan");
    for (const Json& cell : field<Json>(plan, "cells")) status_.cells.push_back(read_cell(cell));
    status_.complete = is_complete();
    estimate();
    return std::move(status_);
  }

 private:
  CellStatus read_cell(const Json& planned) const {
    CellStatus cell;
    cell.arm = field<std::string>(planned, "arm");
    cell.seed = field<std::uint64_t>(planned, "seed");
    if (field<bool>(planned, "trains")) cell.work.push_back(read_training(planned, cell));
    for (const Json& task : field<Json>(planned, "tasks"))
      cell.work.push_back(read_task(task, cell));
    cell.state = state_of(cell);
    return cell;
  }

  std::string seed_folder(const CellStatus& cell) const {
    return fmt::format("seed-{}", cell.seed);
  }

  WorkStatus read_training(const Json& planned, const CellStatus& cell) const {
    WorkStatus work;
    work.name = "training";
    if (const auto steps = field_or<std::int64_t>(planned, "steps", 0); steps > 0)
      work.total = steps;
    const fs::path adapter = folder_ / "arms" / cell.arm / seed_folder(cell) / "adapter";
    read_steps(store::curve_file(adapter), work);
    work.complete = fs::exists(adapter / "complete.json");
    if (work.complete) work.total = work.done;
    return work;
  }

  WorkStatus read_task(const Json& planned, const CellStatus& cell) const {
    WorkStatus work;
    work.name = field<std::string>(planned, "task");
    work.total = field<std::int64_t>(planned, "questions");
    const auto progress =
        store::journal_progress(folder_ / "journal" / cell.arm / seed_folder(cell) / work.name);
    const auto samples = field_or<std::int64_t>(planned, "samples", 1);
    work.done = progress.rows / samples;
    work.made = progress.made / samples;
    work.seconds = progress.seconds;
    work.written_at = progress.written_at;
    // Questions that were skipped stand in no journal: the ledger tells that a task is through,
    // with as many questions as are asked.
    const bool in_ledger = std::ranges::any_of(ledger_, [&](const LedgerEntry& entry) {
      return entry.arm == cell.arm && entry.seed == cell.seed && entry.task == work.name &&
             entry.questions == *work.total;
    });
    work.complete = in_ledger || work.done >= *work.total;
    return work;
  }

  Progressed state_of(const CellStatus& cell) const {
    if (std::ranges::all_of(cell.work, &WorkStatus::complete)) return Progressed::complete;
    const bool written = std::ranges::any_of(cell.work, [&](const WorkStatus& work) {
      return now_ - work.written_at <= kRunningWithinS;
    });
    const std::string named = fmt::format("arm {}, seed {}:", cell.arm, cell.seed);
    // Ranks that end, other than by a kill, take their heartbeats away.
    const bool runs = std::ranges::any_of(status_.ranks, [&](const RankStatus& rank) {
      return rank.age_s <= kRunningWithinS && (written || rank.doing.starts_with(named));
    });
    return runs ? Progressed::running : Progressed::missing;
  }

  bool is_complete() {
    const fs::path record = folder_ / "complete.json", file = folder_ / "predictions.h5";
    if (!fs::exists(record)) return false;
    const auto sum = field<std::string>(read_json(record), "predictions_sha256");
    if (fs::exists(file) && sha256_file(file) == sum) return true;
    status_.remarks.push_back(fmt::format(
        "{}: not the file that complete.json tells of; run the study again", file.string()));
    return false;
  }

  void estimate() {
    struct Rate {
      double made = 0, seconds = 0;
    };
    std::map<std::string, Rate> rates;
    for (const CellStatus& cell : status_.cells) {
      for (const WorkStatus& work : cell.work) {
        rates[work.name].made += static_cast<double>(work.made);
        rates[work.name].seconds += work.seconds;
      }
    }
    double left = 0;
    for (const CellStatus& cell : status_.cells) {
      for (const WorkStatus& work : cell.work) {
        if (work.complete) continue;
        const Rate& rate = rates[work.name];
        if (!work.total || rate.made == 0) return;
        left += static_cast<double>(std::max<std::int64_t>(*work.total - work.done, 0)) *
                rate.seconds / rate.made;
      }
    }
    const std::size_t running = status_.count(Progressed::running);
    status_.left_s = left / static_cast<double>(std::max<std::size_t>(running, 1));
  }

  fs::path folder_;
  std::int64_t now_;
  StudyStatus status_;
  std::vector<LedgerEntry> ledger_;
};

}  // namespace

std::size_t StudyStatus::count(Progressed state) const {
  return static_cast<std::size_t>(std::ranges::count(cells, state, &CellStatus::state));
}

StudyStatus read_status(const fs::path& folder, std::int64_t now) {
  return Reader(folder, now).read();
}

}  // namespace tradeoff::results
