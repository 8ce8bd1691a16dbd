#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "tradeoff/study/prediction.hpp"

namespace tradeoff::study {

struct PredictOptions {
  ModelOptions model;
  // PEFT folder of an adapter, applied unmerged; empty: the model alone.
  std::filesystem::path adapter;
  // What the items are, by name.
  std::string task = task::default_task(task::Kind::sql).name;
  // Tasks of one's own that `task` may name beside the built-in ones.
  std::vector<task::Task> own_tasks;
  // Instead of the task's own, of kind choice.
  std::optional<task::Answer> answer;
  // Items file, JSONL.
  std::filesystem::path items;
  // Predictions, JSONL in the order of the items; journals stand in OUT.journal/.
  std::filesystem::path out;
  // The first so many items; 0: all.
  std::int64_t limit = 0;
  DecodingOptions decoding;
  // Continue from the journals of an earlier run.
  bool resume = false;
};

enum class RunState { complete, stopped };

/// The `predict` command: one model on one items file. Collective.
RunState predict_file(const comm::Session& session, const PredictOptions& options);

}  // namespace tradeoff::study
