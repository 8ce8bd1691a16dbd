#pragma once
#include <string_view>

#include "tradeoff/store/run_columns.hpp"
#include "tradeoff/task/kind.hpp"

namespace tradeoff::results {

/// The metric that `accuracy` means where queries are written.
enum class Primary { exec, set, strict };
/// The column of a run that holds it, and its name there, in job files and in results.
const store::RunColumn<store::Flags>& column_of(Primary primary);
std::string_view name_of(Primary primary);

/// Columns of a run in which every task of a kind keeps the same thing: whether an answer is right,
const store::RunColumn<store::Flags>& right_column(task::Kind kind, Primary primary);
/// the answer,
const store::RunColumn<store::Strings>& answer_column(task::Kind kind);
/// and by what sampled answers are grouped for a vote: those of equal value; "" has none.
const store::RunColumn<store::Strings>& vote_column(task::Kind kind);

}  // namespace tradeoff::results
