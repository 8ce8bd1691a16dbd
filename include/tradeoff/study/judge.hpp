#pragma once
#include <cstddef>
#include <span>

#include "tradeoff/sql/judge/score.hpp"
#include "tradeoff/store/run_table.hpp"
#include "tradeoff/task/item.hpp"

namespace tradeoff::study {

/// How an answer to `item` is judged; a skipped one is wrong. A letter of a written answer is read
/// from the text again, so that the rules of this version judge rows of an older journal.
/// scorer  of Form::sql; it previews rows. Else null.
store::Judgement judge(const task::Item& item, const store::Prediction& prediction,
                       store::Form form, sql::Scorer* scorer);

/// Columns of /runs/<arm>/seed-<s>/<task>, of number `sample` of the answers to each item.
/// predictions, judgements  of every item, the same number of samples each.
store::Table answers_table(std::span<const task::Item> items,
                           std::span<const store::Prediction> predictions,
                           std::span<const store::Judgement> judgements, store::Form form,
                           std::size_t sample = 0);

}  // namespace tradeoff::study
