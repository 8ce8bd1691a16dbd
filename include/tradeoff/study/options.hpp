#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/lora/options.hpp"
#include "tradeoff/sql/score.hpp"
#include "tradeoff/stats/margin.hpp"
#include "tradeoff/study/loaded_model.hpp"
#include "tradeoff/study/prediction.hpp"
#include "tradeoff/study/task_kind.hpp"
#include "tradeoff/task/render.hpp"
#include "tradeoff/train/options.hpp"

namespace tradeoff::study {

/// What one arm is: everything that may differ between arms.
struct ArmOptions {
  std::string name;
  task::SpiderPromptOptions spider;
  task::MmluPromptOptions mmlu;
  task::PromptLimit limit;
  DecodingOptions decoding;
  // The adapter that is trained before the arm is asked, once for each seed.
  train::TrainOptions train;
  lora::LoraOptions lora;
  // False: the model as it is.
  bool trains = false;
};

/// A whole study, resolved: what a job file says.
struct StudyOptions {
  std::string name = "study";
  // Replicate seeds; each is a column of every table.
  std::vector<std::uint64_t> seeds;
  // Seed of the draws of questions, equal for all arms and seeds.
  std::uint64_t data_seed = 0;
  std::vector<TaskKind> tasks = {TaskKind::spider, TaskKind::mmlu};
  Primary primary = Primary::exec;
  // Losses that would not matter; the report tests against them. Empty: no such test.
  std::optional<stats::Margin> margin_spider, margin_mmlu;
  ModelOptions model;
  // How the model folder's chat template is run, where an arm asks for it.
  text::ChatOptions chat;
  // Folders of the original releases.
  std::filesystem::path spider_data = "jobs/data/spider", mmlu_data = "jobs/data/mmlu";
  task::SpiderDraw spider_draw;
  task::MmluDraw mmlu_draw;
  sql::ScoreOptions scoring;
  std::vector<ArmOptions> arms;
  // Where everything is written.
  std::filesystem::path output_dir;
  // Starts anew in a folder that holds another study.
  bool overwrite = false;
  // Computes this cell alone and gathers nothing.
  std::optional<std::size_t> cell;
  // Groups into which the ranks are cut, each working on cells of its own; within a cell its ranks
  // work together.
  int rank_groups = 1;
  // The resolved configuration as it is stored: without paths, ranks, threads, device and cell
  // selection.
  Json record;
};

/// One arm with one replicate seed: what is trained and predicted together.
struct Cell {
  std::size_t arm = 0;
  std::uint64_t seed = 0;
  std::vector<TaskKind> tasks;
};

/// True where a stream of the replicate seed (few-shot draw, training) reaches the arm's answers.
bool reached_by_seed(const ArmOptions& arm, TaskKind task);

/// The cells in the order of --list-cells: arm by arm, seeds within. A task that no random stream
/// reaches (the untrained model on MMLU: dev rows in file order, greedy) stands in the arm's first
/// cell alone.
std::vector<Cell> list_cells(const StudyOptions& options);

}  // namespace tradeoff::study
