#pragma once
#include <string_view>

#include "tradeoff/store/run_columns.hpp"

/// Every column of /items/<task>: its name, its type, and what it holds. The writer, all readers of
/// predictions.h5 and the exports take their names from here. A task's label (`type`, `error_type`)
/// is a further column, named by the task.
namespace tradeoff::store {

/// T: one of the types of Column.
template <typename T>
struct ItemColumn {
  std::string_view name;
  // The attribute `description` of the column.
  std::string_view text;
};

namespace item_column {

inline constexpr ItemColumn<Strings> kId = {"id", "the question's id in its data set"};
inline constexpr ItemColumn<Strings> kQuestion = {"question",
                                                  "the question as the data set has it"};
inline constexpr ItemColumn<Ints> kSplitSize = {
    "split_size", "questions of the split that the item was drawn from"};

// Of questions that a query answers.
inline constexpr ItemColumn<Strings> kDatabase = {
    "db_id", "queries: the database that the question is about"};
inline constexpr ItemColumn<Strings> kQuery = {"query", "queries: the gold SQL"};
inline constexpr ItemColumn<Strings> kHardness = {
    "hardness", "queries: level of the gold query by the official rules"};
inline constexpr ItemColumn<Strings> kSchema = {
    "schema", "queries: the database's schema as the prompt tells it"};
inline constexpr ItemColumn<Strings> kGoldResult = {"result", column::kResult.text};
inline constexpr ItemColumn<Strings> kAlsoRight = {
    "also_right", "a JSON list of further queries that are as right as the gold SQL"};

// Of questions that a choice answers.
inline constexpr ItemColumn<Strings> kSubject = {"subject", "choices: the subject"};
inline constexpr ItemColumn<Strings> kGroup = {"group", "choices: group of the subject"};
inline constexpr ItemColumn<Strings> kChoices = {"choices", "choices: their texts, a line each"};
inline constexpr ItemColumn<Strings> kRightChoice = {"answer", column::kAnswer.text};

}  // namespace item_column

}  // namespace tradeoff::store
