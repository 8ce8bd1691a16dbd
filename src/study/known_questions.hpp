#pragma once
#include <span>
#include <string>
#include <vector>

#include "tradeoff/sql/judge/score.hpp"
#include "tradeoff/stats/accuracy.hpp"
#include "tradeoff/store/table.hpp"
#include "tradeoff/task/item.hpp"

namespace tradeoff::study {

/// What is known of a task's questions without an answer.
struct KnownQuestions {
  store::Table items;  // of items_table.hpp
  std::vector<stats::Floor> floors;
};

/// Runs every gold query, and judges an empty answer and the gold itself. `label`: as
/// items_table.hpp has it.
KnownQuestions sql_questions(std::span<const task::Item> items, sql::Scorer& scorer,
                             const std::string& label);
KnownQuestions choice_questions(std::span<const task::Item> items, const std::string& label);

}  // namespace tradeoff::study
