#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "tradeoff/sql/judge/score.hpp"
#include "tradeoff/store/run_table.hpp"
#include "tradeoff/task/item.hpp"

namespace tradeoff::study {

/// What is judged of an answer in SQL: its statement; without one the whole answer, so that blank
/// and prose are told apart.
const std::string& judged_text(const store::WrittenAnswer& answer);

struct JudgedQuery {
  store::SqlJudgement judgement;
  bool lasting = true;  // see sql::Verdict
};
/// How `text` (judged_text) is judged as an answer to `item`, by whichever of several right queries
/// it equals. scorer  previews rows.
JudgedQuery judge_query(const task::Item& item, const std::string& text, sql::Scorer& scorer);

/// How a letter is judged as an answer to `item`; a skipped one is wrong. That of a written answer
/// is read from the text again, so that the rules of this version judge rows of an older journal.
/// form  Form::choice or Form::letter.
store::LetterJudgement judge_letter(const task::Item& item, const store::Prediction& prediction,
                                    store::Form form);

/// Columns of /runs/<arm>/seed-<s>/<task>, of number `sample` of the answers to each item.
/// predictions, judgements  of every item, the same number of samples each.
store::Table answers_table(std::span<const task::Item> items,
                           std::span<const store::Prediction> predictions,
                           std::span<const store::Judgement> judgements, store::Form form,
                           std::size_t sample = 0);

}  // namespace tradeoff::study
