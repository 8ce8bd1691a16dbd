#include "task_judgements.hpp"

#include <optional>
#include <utility>

#include "tradeoff/base/build_info.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/study/judge.hpp"

namespace tradeoff::study {
namespace {

// As it comes back from its file, so that no byte depends on who judged it.
store::SqlJudgement as_written(const store::SqlJudgement& judgement) {
  return store::read_judgement(parse_json(to_line(store::to_json(judgement))));
}

}  // namespace

Json judgement_header(const sql::ScoreOptions& options, const std::string& questions_sha256) {
  const sql::ExecuteOptions& execute = options.execute;
  return {{"version", build_version()},           {"commit", build_commit()},
          {"questions_sha256", questions_sha256}, {"timeout_s", execute.timeout_s},
          {"max_steps", execute.max_steps},       {"max_rows", execute.max_rows},
          {"max_bytes", execute.max_bytes},       {"max_value_bytes", execute.max_value_bytes},
          {"heap_bytes", execute.heap_bytes},     {"keep_distinct", options.keep_distinct},
          {"plug_value", options.plug_value},     {"match", options.match},
          {"result_hash", options.result_hash}};
}

TaskJudgements::TaskJudgements(std::span<const task::Item> items, sql::Scorer& scorer,
                               JudgeThreads& threads, const std::filesystem::path& folder,
                               const Json& header)
    : scorer_(scorer), threads_(threads), folder_(folder), header_(header), file_(folder, header) {
  for (const task::Item& item : items) items_.emplace(task::id_text(item.id), &item);
}

TaskJudgements::~TaskJudgements() {
  given_up_ = true;
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return open_ == 0; });
}

void TaskJudgements::begin(std::span<const store::Prediction> answers) {
  for (const store::Prediction& answer : answers) start(asked(answer));
}

void TaskJudgements::finish() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return open_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
}

std::vector<store::Judgement> TaskJudgements::of(std::span<const store::Prediction> answers) {
  finish();
  // What other ranks judge meanwhile, and is not there yet, is judged here too: to the same end.
  judged_.merge(store::read_judgements(folder_, header_));
  last_time_ = true;
  begun_.clear();
  for (const auto& [key, judgement] : judged_) begun_.insert(key);
  begin(answers);
  finish();
  std::vector<store::Judgement> judgements;
  for (const store::Prediction& answer : answers)
    judgements.emplace_back(judged_.at(asked(answer).key));
  return judgements;
}

TaskJudgements::Asked TaskJudgements::asked(const store::Prediction& answer) const {
  const task::Item& item = *items_.at(task::id_text(answer.id));
  const std::string& text = judged_text(answer.written());
  const Json decides = {item.db_id, item.query, item.also_right, text};
  return {&item, text, sha256(to_line(decides))};
}

void TaskJudgements::start(Asked asked) {
  {
    const std::scoped_lock lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
    if (!begun_.insert(asked.key).second) return;
    ++open_;
  }
  threads_.add([this, asked = std::move(asked)] { judge_one(asked); });
}

void TaskJudgements::judge_one(const Asked& asked) {
  std::exception_ptr failure;
  std::optional<JudgedQuery> judged;
  try {
    if (!given_up_) judged = judge_query(*asked.item, asked.text, scorer_);
    if (judged) judged->judgement = as_written(judged->judgement);
  } catch (...) {
    failure = std::current_exception();
  }
  const std::scoped_lock lock(mutex_);
  try {
    if (judged && judged->lasting) file_.append(asked.key, judged->judgement);
  } catch (...) {
    failure = std::current_exception();
  }
  if (judged && (last_time_ || judged->lasting))
    judged_.emplace(asked.key, std::move(judged->judgement));
  if (failure && !failure_) failure_ = failure;
  --open_;
  ended_.notify_all();
}

}  // namespace tradeoff::study
