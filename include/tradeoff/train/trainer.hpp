#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tradeoff/base/file_lock.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/comm/session.hpp"
#include "tradeoff/lora/options.hpp"
#include "tradeoff/model/decoder.hpp"
#include "tradeoff/store/curve.hpp"
#include "tradeoff/train/options.hpp"
#include "tradeoff/train/sample.hpp"

namespace tradeoff::train {

struct TrainJob {
  TrainOptions options;
  lora::LoraOptions lora;
  // PEFT folder that the training starts from; its rank, alpha and targets must be those of `lora`.
  // Empty: a fresh adapter of the seed.
  std::filesystem::path init_adapter;
  // Receives adapter_config.json, adapter_model.safetensors, train.jsonl, train_run.json and
  // checkpoints.
  std::filesystem::path output_dir;
  // What keeps a second writer out of it.
  LockKind lock = LockKind::flock;
  // base_model_name_or_path of the adapter.
  std::string base_model;
  // What decides the result beside options and samples: the model. Part of the run's record.
  Json model_identity = Json::object();
  // Go on from the newest checkpoint of output_dir; without one, start.
  bool resume = false;
};

struct TrainResult {
  // False where a stop signal came first; a checkpoint is saved then, and --resume goes on.
  bool complete = true;
  // Steps done in all, of how many, and the loss of the last.
  std::int64_t steps = 0, all_steps = 0;
  double loss = 0;
};

/// Trains an adapter for `decoder` (whose adapter is changed meanwhile and left at the trained one)
/// and writes it. Collective; a step's samples are the same for any number of ranks. Throws Error,
/// on every rank: where ranks disagree on configuration or data, where `output_dir` holds another
/// run (naming each difference), where a loss or gradient is not finite (naming step and sample
/// ids; the last checkpoint stays).
TrainResult train(const comm::Session& session, model::Decoder& decoder, const SampleSet& samples,
                  const TrainJob& job);

/// Steps of a training that its folder holds, and of how many, where something there tells.
struct SavedSteps {
  std::int64_t done = 0;
  std::optional<std::int64_t> all;
};
SavedSteps saved_steps(const std::filesystem::path& output_dir);

/// True where the folder holds a training that ran to its end, with its loss curve.
bool is_complete(const std::filesystem::path& output_dir);

/// The loss curve of a training that ran to its end; nullopt where it has not. Lines of train.jsonl
/// that are damaged are taken from a checkpoint, saying so; where none has them the training counts
/// as not done.
std::optional<std::vector<store::CurveRow>> trained_curve(const std::filesystem::path& output_dir);

}  // namespace tradeoff::train
