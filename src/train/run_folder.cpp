#include "run_folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <utility>
#include <vector>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/store/difference.hpp"

namespace tradeoff::train {
namespace {

namespace fs = std::filesystem;
constexpr const char* kRunFile = "train_run.json";
constexpr const char* kCompleteFile = "complete.json";

}  // namespace

RunFolder::RunFolder(const comm::Session& session, fs::path path, Json record, LockKind lock)
    : session_(session), path_(std::move(path)), record_(std::move(record)) {
  if (session_.rank() != 0) return;
  fs::create_directories(path_);
  lock_.emplace(path_ / "lock", lock);
}

std::optional<Checkpoint> RunFolder::open(const model::DecoderConfig& config, bool resume,
                                          std::int64_t total_steps) const {
  std::string fault;
  std::int64_t step = 0;
  std::optional<Checkpoint> found;
  if (session_.rank() == 0) {
    try {
      found = open_first(config, resume);
      step = found ? found->step : 0;
    } catch (const Error& error) {
      fault = error.what();
    }
  }
  fault = comm::broadcast(session_, fault);
  if (!fault.empty()) fail(fault);
  step = std::stoll(comm::broadcast(session_, std::to_string(step)));
  if (step == 0) return std::nullopt;
  std::vector<std::string> damage;
  if (!found) found = load_newest_checkpoint(path_, config, damage);
  comm::agree(session_, "the checkpoint to go on from", std::to_string(found ? found->step : 0));
  if (session_.rank() == 0) {
    const auto ranks = field<std::int64_t>(found->state, "world_size");
    log::info("going on after step {} of {}{}", step, total_steps,
              ranks == session_.size()
                  ? ""
                  : fmt::format(" ({} ranks before, {} now: the same samples, sums in another "
                                "order unless --deterministic)",
                                ranks, session_.size()));
  }
  return found;
}

std::optional<Checkpoint> RunFolder::open_first(const model::DecoderConfig& config,
                                                bool resume) const {
  const fs::path run_file = path_ / kRunFile;
  std::optional<Checkpoint> found;
  if (resume && fs::exists(run_file)) {
    const auto differences =
        store::differences(field<Json>(read_json(run_file), "record"), record_);
    if (!differences.empty()) {
      fail(
          fmt::format("{}: this folder holds another training ({}); name another --out, or "
                      "start anew without --resume",
                      path_.string(), fmt::join(differences, "; ")));
    }
    std::vector<std::string> damage;
    found = load_newest_checkpoint(path_, config, damage);
    for (const std::string& line : damage) log::warn("{}", line);
  }
  if (found) return found;
  check(!resume || fs::exists(run_file) || checkpoint_steps(path_).empty(),
        run_file.string() + ": missing, so nothing tells which run the checkpoints are of");
  for (const std::int64_t step : checkpoint_steps(path_)) {
    fs::remove_all(path_ / fmt::format("checkpoint-{}", step));
  }
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors", kCompleteFile}) {
    fs::remove(path_ / name);
  }
  write_atomically(run_file, Json{{"record", record_}}.dump(2) + "\n");
  return std::nullopt;
}

void RunFolder::complete(const TrainResult& result) const {
  const Json json = {{"steps", result.steps}, {"loss", result.loss}, {"record", record_}};
  write_atomically(path_ / kCompleteFile, json.dump(2) + "\n");
}

bool is_complete(const fs::path& output_dir) {
  return fs::exists(output_dir / kCompleteFile);
}

}  // namespace tradeoff::train
