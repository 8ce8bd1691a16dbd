#pragma once
#include <span>
#include <string>
#include <vector>

#include "tradeoff/sql/judge/score.hpp"
#include "tradeoff/stats/accuracy.hpp"
#include "tradeoff/store/table.hpp"
#include "tradeoff/task/item.hpp"

namespace tradeoff::study {

/// What is known of questions in SQL without an answer.
struct SqlQuestions {
  store::Table items;  // sql_items_table
  std::vector<stats::Floor> floors;
};

/// Runs every gold query, and judges an empty answer and the gold itself.
SqlQuestions sql_questions(std::span<const task::Item> items, sql::Scorer& scorer,
                           const std::string& label);

}  // namespace tradeoff::study
