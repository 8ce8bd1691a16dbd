#pragma once
#include <atomic>
#include <condition_variable>
#include <exception>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "judge_threads.hpp"
#include "tradeoff/sql/judge/score.hpp"
#include "tradeoff/store/judgement.hpp"
#include "tradeoff/store/prediction.hpp"
#include "tradeoff/task/item.hpp"

namespace tradeoff::study {

/// What decides a judgement besides question and answer.
/// questions_sha256  of the task's data, databases included.
Json judgement_header(const sql::ScoreOptions& options, const std::string& questions_sha256);

/// The judgements of a cell's queries. Ranks begin them chunk by chunk while the device computes
/// the next one, in threads of their own; what is judged is on disk at once. Answers with the same
/// text are judged once.
class TaskJudgements {
 public:
  /// items, scorer, threads  outlive it.
  /// folder, header  see store::JudgementWriter.
  TaskJudgements(std::span<const task::Item> items, sql::Scorer& scorer, JudgeThreads& threads,
                 const std::filesystem::path& folder, const Json& header);
  /// Gives up what is not begun, and waits for the rest.
  ~TaskJudgements();
  TaskJudgements(const TaskJudgements&) = delete;
  TaskJudgements& operator=(const TaskJudgements&) = delete;

  /// Returns at once. Throws Error where an earlier judgement failed.
  void begin(std::span<const store::Prediction> answers);
  /// Waits for all that was begun. Throws Error naming a database that cannot be read.
  void finish();
  /// A judgement for each of `answers`: those that any rank has put on disk, the others made now.
  /// One rank calls it.
  std::vector<store::Judgement> of(std::span<const store::Prediction> answers);

 private:
  struct Asked {
    const task::Item* item;
    std::string text, key;
  };
  Asked asked(const store::Prediction& answer) const;
  void start(Asked asked);
  void judge_one(const Asked& asked);

  sql::Scorer& scorer_;
  JudgeThreads& threads_;
  const std::filesystem::path folder_;
  const Json header_;
  std::map<std::string, const task::Item*> items_;  // by id
  std::atomic<bool> given_up_ = false;
  // Keeps also what does not last (sql::Verdict::lasting): there is no other try.
  std::atomic<bool> last_time_ = false;
  std::mutex mutex_;
  std::condition_variable ended_;
  store::JudgementWriter file_;
  store::Judgements judged_;
  std::set<std::string> begun_;
  std::size_t open_ = 0;
  std::exception_ptr failure_;
};

}  // namespace tradeoff::study
