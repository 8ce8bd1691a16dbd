#pragma once
#include <string_view>

namespace tradeoff::task {

/// How a task's questions are answered and judged.
enum class Kind {
  sql,     // a query is written, and run on the question's database
  choice,  // the likeliest of the choices' letters
};
std::string_view name_of(Kind kind);

/// Columns of /items/<task> and /runs/... in which every task of a kind keeps the same thing.
struct Columns {
  // What a question belongs to, and a coarser group.
  const char *cluster, *level;
  // The right answer of an item; the answer of a run.
  const char *gold, *answer;
};
Columns columns_of(Kind kind);

}  // namespace tradeoff::task
