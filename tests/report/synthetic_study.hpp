#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tradeoff/store/predictions_file.hpp"

namespace tradeoff::report {

/// A made-up study whose true accuracies are known: every arm but the first gains on Spider and
/// loses a little on MMLU, with questions, databases and seeds that vary.
struct SyntheticOptions {
  std::string name = "synthetic";
  std::vector<std::string> arms = {"base", "qlora-50", "qlora-200"};
  std::vector<std::uint64_t> seeds = {1, 2, 3};
  std::size_t spider = 200, mmlu = 150;
  // Decides the questions; equal for files of one study.
  std::uint64_t data_seed = 7;
  // Put before every question and answer: text that a page must not take for markup.
  std::string odd_text;
  std::size_t training_steps = 200;
  // Of arms that train longer or shorter than that.
  std::map<std::string, std::size_t> steps_of = {};
  // Answers to each Spider question of every arm; 0: one greedy one.
  std::size_t samples = 0;
};

/// Equal options give equal values; a cell depends on its arm and seed alone, so that files with
/// other arms or seeds are parts of one study.
store::Predictions synthetic_study(const SyntheticOptions& options);

/// Writes FOLDER/predictions.h5 and FOLDER/ledger.jsonl.
void write_synthetic(const std::filesystem::path& folder, const SyntheticOptions& options);

}  // namespace tradeoff::report
