#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/lora/options.hpp"
#include "tradeoff/results/primary.hpp"
#include "tradeoff/sql/judge/score.hpp"
#include "tradeoff/stats/margin.hpp"
#include "tradeoff/study/loaded_model.hpp"
#include "tradeoff/study/prediction.hpp"
#include "tradeoff/task/task.hpp"
#include "tradeoff/train/options.hpp"

namespace tradeoff::study {

/// What one arm is: everything that may differ between arms.
struct ArmOptions {
  std::string name;
  // By task.
  std::map<std::string, task::PromptOptions> prompts;
  task::PromptLimit limit;
  DecodingOptions decoding;
  // By task whose answers are written; takes the place of decoding.sampling.
  std::map<std::string, SamplingOptions> sampling;
  // The adapter that is trained before the arm is asked, once for each seed.
  train::TrainOptions train;
  lora::LoraOptions lora;
  // False: the model as it is, or with `adapter`.
  bool trains = false;
  // The study's model, or one of the arm's own.
  ModelOptions model;
  // A PEFT folder that is applied as it is; empty: none.
  std::filesystem::path adapter;
  // A PEFT folder that the training starts from; empty: a fresh adapter of the seed.
  std::filesystem::path init_adapter;
};

/// A task as one study asks it.
struct StudyTask {
  task::Task task;
  task::Source source;
  task::Draw draw;
  // A loss that would not matter; the report tests against it. Empty: no such test.
  std::optional<stats::Margin> margin;
};

/// A whole study, resolved: what a job file says.
struct StudyOptions {
  std::string name = "study";
  // Replicate seeds; each is a column of every table.
  std::vector<std::uint64_t> seeds;
  // Seed of the draws of questions, equal for all arms and seeds.
  std::uint64_t data_seed = 0;
  // What is asked, by name.
  std::vector<std::string> tasks;
  // Every task that the job may name: what is asked, and what is trained on.
  std::map<std::string, StudyTask> known;
  results::Primary primary = results::Primary::exec;
  ModelOptions model;
  // How the model folder's chat template is run, where an arm asks for it.
  text::ChatOptions chat;
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
  std::vector<std::string> tasks;
};

/// The task whose training questions an arm is trained on: the first that is asked of those that
/// have some, else the first that is built in.
const StudyTask& training_task(const StudyOptions& options);

/// How an arm's answers to a task are drawn, as the user asks for it; greedy where choices are
/// scored.
SamplingOptions sampling_of(const ArmOptions& arm, const task::Task& task);

/// True where a stream of the replicate seed (few-shot draw, training, sampling) reaches the arm's
/// answers.
bool reached_by_seed(const ArmOptions& arm, const task::Task& task);

/// The cells in the order of --list-cells: arm by arm, seeds within. A task that no random stream
/// reaches (an untrained model on choices: examples in file order, greedy) stands in the arm's
/// first cell alone.
std::vector<Cell> list_cells(const StudyOptions& options);

}  // namespace tradeoff::study
