#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

#include "tradeoff/lora/options.hpp"
#include "tradeoff/study/predict.hpp"
#include "tradeoff/train/options.hpp"
#include "tradeoff/train/sample.hpp"

namespace tradeoff::study {

struct TrainFileOptions {
  ModelOptions model;
  // Training rows, JSONL: id, prompt or prompt_ids, completion.
  std::filesystem::path train;
  // Receives the adapter as PEFT writes it, train.jsonl and checkpoints.
  std::filesystem::path out;
  // The first so many rows; 0: all.
  std::int64_t limit = 0;
  train::TrainOptions options;
  lora::LoraOptions lora;
  // PEFT folder to start from; empty: a fresh adapter.
  std::filesystem::path init_adapter;
  // Go on from the newest checkpoint in `out`.
  bool resume = false;
};

/// Items as samples for this model: its end token after each, its positions as the limit where the
/// options name none.
train::SampleSet training_samples(const LoadedModel& model, std::span<const task::Item> items,
                                  const train::TrainOptions& options);

/// The `train` command: one adapter on one file of rows. Collective.
RunState train_file(const comm::Session& session, const TrainFileOptions& options);

}  // namespace tradeoff::study
