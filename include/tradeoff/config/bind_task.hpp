#pragma once
#include <span>

#include "tradeoff/config/table.hpp"
#include "tradeoff/sql/files/score_files.hpp"
#include "tradeoff/task/prepare.hpp"
#include "tradeoff/text/tokenize_file.hpp"

/// The names of the option structs of text, task and sql, one function for each struct; a command's
/// table, or a section of a job file, is made of these.
namespace tradeoff::config {

void bind(OptionTable& table, text::TokenizeOptions& options);

/// chat_template, template_date, enable_thinking.
void bind(OptionTable& table, text::ChatOptions& options);
/// max_prompt_tokens, overflow.
void bind(OptionTable& table, task::PromptLimit& limit);
/// shots (num_fewshot), template, and what else the task's kind has.
void bind_prompt(OptionTable& table, const task::Task& task, task::PromptOptions& options);
/// Where a task's data lie, as far as a job says it: data, and original where there is one.
void bind_source(OptionTable& table, const task::Task& task, task::Source& source);
/// questions, and groups where the task has some.
void bind_draw(OptionTable& table, const task::Task& task, task::Draw& draw);

/// The names of these tasks, as values of an option.
Names<std::string> names_of(std::span<const task::Task> tasks);
/// The names of the built-in tasks, and of those of `tasks` that are none of them.
Names<std::string> nameable(std::span<const task::Task> tasks);

/// All of `prepare TASK`.
void bind(OptionTable& table, task::PrepareOptions& options);

/// All of `score`.
void bind(OptionTable& table, sql::ScoreFilesOptions& options);

}  // namespace tradeoff::config
