#include "known_questions.hpp"

#include <cstdint>

#include "tradeoff/study/items_table.hpp"

namespace tradeoff::study {
namespace {

// A predictor that answers every question with an empty result; right where the gold result is
// empty.
constexpr const char* kEmptyAnswer = "SELECT 1 WHERE 0";

std::vector<stats::Floor> floors_of(std::span<const task::Item> items, sql::Scorer& scorer) {
  std::vector<std::uint8_t> empty, gold;
  for (const task::Item& item : items) {
    empty.push_back(scorer.score(item.db_id, item.query, kEmptyAnswer).exec.value_or(false));
    gold.push_back(scorer.score(item.db_id, item.query, item.query).exec.value_or(false));
  }
  return {stats::count_floor("always_empty", empty),
          stats::count_floor("gold_as_prediction", gold)};
}

}  // namespace

KnownQuestions sql_questions(std::span<const task::Item> items, sql::Scorer& scorer,
                             const std::string& label) {
  return {sql_items_table(items, scorer, label), floors_of(items, scorer)};
}

KnownQuestions choice_questions(std::span<const task::Item> items, const std::string& label) {
  std::vector<std::string> letters;
  for (const task::Item& item : items) letters.push_back(item.answer);
  return {choice_items_table(items, label), stats::letter_floors(letters)};
}

}  // namespace tradeoff::study
