#pragma once
#include <filesystem>

#include "tradeoff/base/json.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::task {

/// A model folder's tokenizer and chat template: what prompts depend on.
struct PromptSource {
  text::Tokenizer tokenizer;
  // None where no prompt asks for it.
  std::optional<text::ChatTemplate> chat = std::nullopt;

  PromptModel model() const { return {.tokenizer = tokenizer, .chat = chat}; }
};

/// Reads the chat template for Template::chat alone. Throws Error naming the file where the folder
/// has no tokenizer, or a chat template is asked for and is missing or not understood.
PromptSource load_prompt_source(const std::filesystem::path& model_folder, Template asked,
                                const text::ChatOptions& options = {});

/// The `prepare` command: original files of a task to formatted prompts.
struct PrepareOptions {
  Task task;
  Source source;
  // Model folder; its tokenizer and chat template make the prompts.
  std::filesystem::path model;
  // Kind sql: receives train_formatted.jsonl and dev_formatted.jsonl; kind choice: <task>.jsonl.
  std::filesystem::path output_dir;
  Draw draw;
  PromptOptions prompt;
  text::ChatOptions chat;
};

/// The task's own defaults, but all questions of all groups.
PrepareOptions prepare_options(const Task& task);

/// One file that was written.
struct PreparedFile {
  std::filesystem::path path;
  OverflowCounts counts;
  std::string file_sha256, prompts_sha256;
};

struct Prepared {
  std::vector<PreparedFile> files;
  // Hashes of what went in: the data files, the prompt format, the tokenizer.
  std::string data_sha256, template_sha256, tokenizer_sha256;

  /// For people and for study.json.
  Json to_json() const;
};

/// Writes the formatted rows (Item, with `limit` cutting the train rows too), each file whole or
/// not at all; equal data, model and options give equal bytes. Throws Error before anything is
/// written where data or options are bad.
Prepared prepare(const PrepareOptions& options);

}  // namespace tradeoff::task
