#include "tradeoff/study/judge.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "tradeoff/task/extract_letter.hpp"

namespace tradeoff::study {
namespace {

// True where one of the two is.
void take_better(std::optional<bool>& verdict, std::optional<bool> other) {
  if (other && !verdict.value_or(false)) verdict = other;
}

sql::Verdict score_by_any(const task::Item& item, const std::string& judged, sql::Scorer& scorer) {
  sql::Verdict best = scorer.score(item.db_id, item.query, judged);
  for (const std::string& query : item.also_right) {
    sql::Verdict other = scorer.score(item.db_id, query, judged);
    const bool first_failed = best.outcome == sql::Outcome::gold_error;
    const bool now_right = other.exec.value_or(false) && !best.exec.value_or(false);
    if (first_failed || now_right) std::swap(best, other);
    take_better(best.exec, other.exec);
    take_better(best.exec_keep_distinct, other.exec_keep_distinct);
    take_better(best.match, other.match);
    take_better(best.set, other.set);
    take_better(best.strict, other.strict);
    best.lasting = best.lasting && other.lasting;
    if (other.soft_f1) best.soft_f1 = std::max(best.soft_f1.value_or(0), *other.soft_f1);
  }
  return best;
}

store::LetterJudgement judged_letter(const task::Item& item, std::string letter,
                                     std::string_view reading) {
  store::LetterJudgement judged;
  judged.correct = letter == item.answer;
  if (item.label == "ok") judged.clean = judged.correct;
  if (!item.corrected.empty())
    judged.corrected = std::ranges::find(item.corrected, letter) != item.corrected.end();
  judged.letter = std::move(letter);
  judged.reading = reading;
  return judged;
}

}  // namespace

const std::string& judged_text(const store::WrittenAnswer& answer) {
  return answer.read.empty() ? answer.text : answer.read;
}

JudgedQuery judge_query(const task::Item& item, const std::string& text, sql::Scorer& scorer) {
  sql::Verdict verdict = score_by_any(item, text, scorer);
  store::SqlJudgement judgement = {.exec = verdict.exec,
                                   .exec_keep_distinct = verdict.exec_keep_distinct,
                                   .match = verdict.match,
                                   .set = verdict.set,
                                   .strict = verdict.strict,
                                   .non_empty = verdict.non_empty,
                                   .soft_f1 = verdict.soft_f1,
                                   .outcome = std::string(name_of(verdict.outcome)),
                                   .error_class = std::move(verdict.error_class),
                                   .message = std::move(verdict.message),
                                   .result = std::move(verdict.preview),
                                   .result_hash = std::move(verdict.result_hash)};
  return {std::move(judgement), verdict.lasting};
}

store::LetterJudgement judge_letter(const task::Item& item, const store::Prediction& prediction,
                                    store::Form form) {
  if (form == store::Form::choice) return judged_letter(item, prediction.chosen().letter, "");
  const auto read = task::extract_letter(prediction.written().text, item.choices.size());
  if (read.letter) return judged_letter(item, std::string(1, read.letter), name_of(read.rule));
  return judged_letter(item, "", name_of(read.found));
}

store::Table answers_table(std::span<const task::Item> items,
                           std::span<const store::Prediction> predictions,
                           std::span<const store::Judgement> judgements, store::Form form,
                           std::size_t sample) {
  const std::size_t samples = items.empty() ? 1 : predictions.size() / items.size();
  store::RunShape shape{.form = form};
  shape.sampled = !predictions.empty() && predictions.front().sample.has_value();
  std::vector<store::RunRow> rows;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const task::Item& item = items[i];
    shape.corrections = shape.corrections || !item.corrected.empty();
    shape.choices = std::max(shape.choices, item.choices.size());
    const std::size_t at = i * samples + sample;
    rows.push_back({.item = static_cast<std::int64_t>(i),
                    .prediction = &predictions[at],
                    .judgement = judgements[at],
                    .shots_used = item.shots_used,
                    .skipped = item.skipped,
                    .overflow = item.overflow});
  }
  return store::run_table(rows, shape);
}

}  // namespace tradeoff::study
