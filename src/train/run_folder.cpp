#include "run_folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <utility>
#include <vector>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/json_file.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/comm/collectives.hpp"
#include "tradeoff/lora/peft_config.hpp"
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
  remove_leftovers_in(path_);
}

std::optional<TrainCheckpoint> RunFolder::open(const model::DecoderConfig& config, bool resume,
                                               std::int64_t total_steps) const {
  std::string fault;
  std::int64_t step = 0;
  std::optional<TrainCheckpoint> found;
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

std::optional<TrainCheckpoint> RunFolder::open_first(const model::DecoderConfig& config,
                                                     bool resume) const {
  const fs::path run_file = path_ / kRunFile;
  std::optional<TrainCheckpoint> found;
  if (resume && fs::exists(run_file)) {
    const auto differences = store::differences(field_of_file<Json>(run_file, "record"), record_);
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
  // What an earlier start of this training did stays as its cost; another training's goes.
  if (!resume || !fs::exists(run_file)) {
    for (const fs::path& file : {store::curve_file(path_), store::redone_file(path_)})
      fs::remove(file);
  }
  write_atomically(run_file, Json{{"record", record_}}.dump(2) + "\n");
  return std::nullopt;
}

std::optional<TrainResult> RunFolder::ended() const {
  Json told;
  if (session_.rank() == 0 && fs::exists(path_ / lora::kWeightsFile) && is_complete(path_)) {
    told = read_json(path_ / kCompleteFile);
    if (!store::differences(field<Json>(told, "record"), record_).empty()) told = nullptr;
  }
  told = parse_json(comm::broadcast(session_, to_line(told)));
  if (told.is_null()) return std::nullopt;
  const auto steps = field<std::int64_t>(told, "steps");
  return TrainResult{true, steps, steps, field<double>(told, "loss")};
}

void RunFolder::complete(const TrainResult& result,
                         const std::vector<store::CurveRow>& curve) const {
  const Json json = {{"steps", result.steps},
                     {"loss", result.loss},
                     {"record", record_},
                     {"curve", store::curve_json(curve)}};
  write_atomically(path_ / kCompleteFile, json.dump(2) + "\n");
  remove_checkpoints(path_);
}

SavedSteps saved_steps(const fs::path& output_dir) {
  if (fs::exists(output_dir / kCompleteFile)) {
    const auto steps = field<std::int64_t>(read_json(output_dir / kCompleteFile), "steps");
    return {steps, steps};
  }
  const auto steps = checkpoint_steps(output_dir);
  if (steps.empty()) return {};
  const Json state = newest_state(output_dir);
  return {steps.back(), field<std::int64_t>(state, "total_steps")};
}

bool is_complete(const fs::path& output_dir) {
  return trained_curve(output_dir).has_value();
}

std::optional<std::vector<store::CurveRow>> trained_curve(const fs::path& output_dir) {
  const fs::path record = output_dir / kCompleteFile, file = store::curve_file(output_dir);
  if (!fs::exists(record)) return std::nullopt;
  const Json ended = read_json(record);
  const auto steps = field_of_file<std::int64_t>(ended, record, "steps");
  std::vector<std::string> damage;
  std::vector<store::CurveRow> rows = store::read_curve(file, damage);
  if (damage.empty() && store::is_whole_curve(rows, steps)) return rows;
  for (const std::string& line : damage) log::warn("{}", line);
  if (ended.contains("curve")) rows = store::curve_of(ended);
  if (store::is_whole_curve(rows, steps)) {
    log::warn("{}: expected {} steps; those of {} are taken", file.string(), steps, kCompleteFile);
    return rows;
  }
  log::warn("{}: expected {} steps, which {} has not either; the training is done again",
            file.string(), steps, kCompleteFile);
  return std::nullopt;
}

}  // namespace tradeoff::train
