#pragma once
#include <span>
#include <vector>

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

}  // namespace tradeoff::study
