#pragma once
#include <string_view>

namespace tradeoff::task {

/// How a task's questions are answered and judged.
enum class Kind {
  sql,     // a query is written, and run on the question's database
  choice,  // one of several choices, told by its letter
};
std::string_view name_of(Kind kind);

/// How a question of kind choice is answered.
enum class Answer {
  choice,  // the letter that is the likeliest next token of them
  letter,  // the model writes, and the letter is read from its text (extract_letter.hpp)
};
std::string_view name_of(Answer answer);

}  // namespace tradeoff::task
