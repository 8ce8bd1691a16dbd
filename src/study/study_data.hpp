#pragma once
#include <optional>

#include "tradeoff/study/options.hpp"
#include "tradeoff/task/prepare.hpp"

namespace tradeoff::study {

/// The data of a study as read: questions drawn once, equal for all arms and seeds.
class StudyData {
 public:
  explicit StudyData(const StudyOptions& options);
  /// Rendered items of a cell's task.
  task::RenderedItems items(const ArmOptions& arm, std::uint64_t seed, TaskKind task) const;
  /// The drawn questions; empty where the study has none of Spider.
  std::vector<task::SpiderExample> spider_questions() const;
  /// Drawn questions of a task, those that an overflow policy may skip included; training rows.
  std::size_t question_count(TaskKind task) const;
  std::size_t train_count() const { return spider_ ? spider_->train.size() : 0; }
  /// Rendered training rows of an arm that trains: Spider's, with the arm's prompts and limit.
  task::RenderedItems train_items(const ArmOptions& arm, std::uint64_t seed) const;
  const task::PromptSource& prompts() const { return prompts_; }
  /// Hashes of data and tokenizer, for the study's record.
  Json hashes() const;

 private:
  const StudyOptions& options_;
  task::PromptSource prompts_;
  std::optional<task::Spider> spider_;
  std::optional<task::Mmlu> mmlu_;
  std::vector<std::size_t> spider_questions_;
  std::vector<task::MmluPlace> mmlu_questions_;
};

}  // namespace tradeoff::study
