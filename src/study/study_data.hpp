#pragma once
#include <map>

#include "tradeoff/study/options.hpp"
#include "tradeoff/task/prepare.hpp"

namespace tradeoff::study {

/// The data of a study as read: questions drawn once, equal for all arms and seeds.
class StudyData {
 public:
  explicit StudyData(const StudyOptions& options);
  /// Rendered items of a cell's task.
  task::RenderedItems items(const ArmOptions& arm, std::uint64_t seed,
                            const std::string& task) const;
  /// Rendered training rows of an arm that trains, with the arm's prompts and limit.
  task::RenderedItems train_items(const ArmOptions& arm, std::uint64_t seed) const;
  const task::Questions& questions(const std::string& task) const { return questions_.at(task); }
  /// Changes with any byte of the format of an arm's prompts.
  std::string template_sha256(const ArmOptions& arm, const task::Task& task) const;
  /// Tokenizer and chat template of the arm's model.
  const task::PromptSource& prompts(const ArmOptions& arm) const {
    return prompts_.at(arm.model.model);
  }
  /// Hashes of the data, for the study's record.
  Json hashes() const;

 private:
  const StudyOptions& options_;
  // By model folder.
  std::map<std::filesystem::path, task::PromptSource> prompts_;
  // By task: what is asked, and what is trained on.
  std::map<std::string, task::Questions> questions_;
};

}  // namespace tradeoff::study
