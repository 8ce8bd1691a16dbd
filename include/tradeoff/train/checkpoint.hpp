#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/lora/adapter.hpp"
#include "tradeoff/store/curve.hpp"

/// Checkpoints of a training: OUT/checkpoint-<step>/ holds the adapter as PEFT writes it,
/// optimizer.safetensors, trainer_state.json and, written last, manifest.json with the size and
/// SHA-256 of each. A folder appears whole or not at all.
namespace tradeoff::train {

struct TrainCheckpoint {
  std::int64_t step = 0;
  at::Tensor parameters;           // float32 [n] on the CPU, here and below
  at::Tensor exp_avg, exp_avg_sq;  // AdamW's moments
  // step, epoch, data cursor, seeds, world size: trainer_state.json, with the curve under "curve".
  Json state = Json::object();
  // The rows of its steps, from which train.jsonl is made again.
  std::vector<store::CurveRow> curve;
};

/// Writes it and removes all but the newest two. `adapter` says what `parameters` are. Throws Error
/// naming the file.
void save_checkpoint(const std::filesystem::path& out, const TrainCheckpoint& checkpoint,
                     const lora::Adapter& adapter, const std::string& base_model);

/// The newest checkpoint that its manifest confirms; nullopt where the folder has none. `damage`
/// gets a line for each one that was passed over. Throws Error where there are some, all damaged.
std::optional<TrainCheckpoint> load_newest_checkpoint(const std::filesystem::path& out,
                                                      const model::DecoderConfig& config,
                                                      std::vector<std::string>& damage);

/// trainer_state.json of the newest folder of `out`, which has one, as it stands there.
Json newest_state(const std::filesystem::path& out);
/// Removes all, those half written too.
void remove_checkpoints(const std::filesystem::path& out);

/// Steps of the checkpoint folders in `out`, rising.
std::vector<std::int64_t> checkpoint_steps(const std::filesystem::path& out);

}  // namespace tradeoff::train
