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
  const task::PromptSource& prompts() const { return prompts_; }
  /// Hashes of data and tokenizer, for the study's record.
  Json hashes() const;

 private:
  const StudyOptions& options_;
  task::PromptSource prompts_;
  // By task: what is asked, and what is trained on.
  std::map<std::string, task::Questions> questions_;
};

}  // namespace tradeoff::study
