#pragma once
#include <span>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/sql/judge/score.hpp"
#include "tradeoff/store/table.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::study {

/// Columns of /items/<task>: what the questions are, equal for all arms and seeds. `result`, here
/// and in the runs: the first rows that the query gives on the question's own database.
/// `label` names the column of Item::label; empty: none. Column `also_right` stands where an item
/// has further queries, a JSON list each.
store::Table sql_items_table(std::span<const task::Item> items, sql::Scorer& scorer,
                             const std::string& label = "");
store::Table choice_items_table(std::span<const task::Item> items, const std::string& label = "");

/// Finds out before anything is predicted whether these questions can be scored: reads the
/// databases, runs the golds. Says which tables are left out and which golds fail, whose questions
/// are not counted. Throws Error where a database is missing or damaged, or every gold fails.
void check_scoring(std::span<const task::Gold> questions, sql::Scorer& scorer);

/// Rows of `predict` with their judgement, as columns of /runs/<arm>/seed-<s>/<task>. A skipped row
/// is wrong. `scorer` previews rows. Rows of one sample also have `logprob` and `result_hash`.
store::Table score_sql_rows(std::span<const task::Item> items, std::span<const Json> rows,
                            sql::Scorer& scorer);
/// Column `greedy` of a row whose journal does not tell it: skipped, or written before.
inline constexpr std::int64_t kUnknownGreedy = -2;
/// The same for letters: column `correct`; `greedy` is the choice (from 0) that is the likeliest
/// token of the whole vocabulary, -1 where another token is.
/// Where items have corrections: `clean` (of questions without a fault, label "ok") and `corrected`
/// (by the corrected letters), missing for the other questions.
store::Table score_choice_rows(std::span<const task::Item> items, std::span<const Json> rows);
/// The same for letters read from written answers: text, token_ids, tokens, finish; `answer`, empty
/// where there is no letter, which is wrong; `reading`, the rule that found it, "no_letter" or
/// "empty_output".
store::Table score_letter_rows(std::span<const task::Item> items, std::span<const Json> rows);

}  // namespace tradeoff::study
