#pragma once
#include <vector>

#include "fixture.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::task {

inline Questions questions_of(const char* task, const Source& source, const Draw& draw = {}) {
  return find_task(task)->read(source, draw);
}

/// Where the project carries the data of a task and of the release that it is made from.
inline Source data_of(const char* task, const char* original) {
  return {.data = kData / task, .original = kData / original};
}

/// Plain prompts, without solved examples unless `options` has some.
inline std::vector<Item> items_of(const Questions& questions, PromptOptions options = {}) {
  const text::Tokenizer tokenizer = chatml_bytes();
  options.prompt_template = Template::plain;
  return questions.items({.tokenizer = tokenizer}, options).items;
}

}  // namespace tradeoff::task
