#include "task_scoring.hpp"

#include <algorithm>

#include "task_judgements.hpp"
#include "tradeoff/study/items_table.hpp"

namespace tradeoff::study {

std::map<std::string, TaskScoring> prepare_scoring(const StudyOptions& options,
                                                   const StudyData& data, bool checks) {
  std::map<std::string, TaskScoring> prepared;
  sql::ScoreOptions scoring = options.scoring;
  scoring.preview = true;
  for (const std::string& name : options.tasks) {
    const task::Task& task = options.known.at(name).task;
    if (task.kind != task::Kind::sql) continue;
    // Votes alone ask for it.
    scoring.result_hash = std::ranges::any_of(
        options.arms, [&](const ArmOptions& arm) { return !sampling_of(arm, task).rule.greedy(); });
    const task::Questions& questions = data.questions(name);
    sql::Scorer scorer(questions.databases, questions.tables, scoring);
    if (checks) check_scoring(questions.golds, scorer);
    prepared.emplace(name,
                     TaskScoring{std::move(scorer), judgement_header(scoring, questions.sha256)});
  }
  return prepared;
}

}  // namespace tradeoff::study
