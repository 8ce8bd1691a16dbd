#pragma once
#include "tradeoff/config/table.hpp"
#include "tradeoff/sql/score_files.hpp"
#include "tradeoff/task/prepare.hpp"
#include "tradeoff/text/tokenize_file.hpp"

/// Names of the option structs of text, task and sql; bind.hpp has all modules.
namespace tradeoff::config {

void bind(Table& table, text::TokenizeOptions& options);

/// chat_template, template_date, enable_thinking.
void bind(Table& table, text::ChatOptions& options);
/// max_prompt_tokens, overflow.
void bind(Table& table, task::PromptLimit& limit);
/// shots, schema_style, template.
void bind(Table& table, task::SpiderPromptOptions& options);
/// shots (num_fewshot), template.
void bind(Table& table, task::MmluPromptOptions& options);
/// questions.
void bind(Table& table, task::SpiderDraw& draw);
/// questions, groups.
void bind(Table& table, task::MmluDraw& draw);

/// All of `prepare spider` and `prepare mmlu`.
void bind(Table& table, task::PrepareSpiderOptions& options);
void bind(Table& table, task::PrepareMmluOptions& options);

/// All of `score`.
void bind(Table& table, sql::ScoreFilesOptions& options);

}  // namespace tradeoff::config
