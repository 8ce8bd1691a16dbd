#include "tradeoff/task/prepare.hpp"

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"

namespace tradeoff::task {
namespace {

PreparedFile write(const std::filesystem::path& path, const RenderedItems& rendered) {
  return {.path = path,
          .counts = rendered.counts,
          .file_sha256 = write_items(path, rendered.items),
          .prompts_sha256 = prompts_sha256(rendered.items)};
}

}  // namespace

PromptSource load_prompt_source(const std::filesystem::path& model_folder, Template asked,
                                const text::ChatOptions& options) {
  PromptSource source{text::load_tokenizer(model_folder)};
  if (asked == Template::chat) source.chat = text::load_chat_template(model_folder, options);
  return source;
}

Json Prepared::to_json() const {
  Json summary;
  summary["data_sha256"] = data_sha256;
  summary["template_sha256"] = template_sha256;
  summary["tokenizer_sha256"] = tokenizer_sha256;
  for (const PreparedFile& file : files) {
    Json entry;
    entry["items"] = file.counts.items;
    entry["shots_dropped"] = file.counts.shots_dropped;
    entry["skipped"] = file.counts.skipped;
    entry["longest_prompt_tokens"] = file.counts.longest;
    entry["prompt_tokens"] = file.counts.tokens;
    entry["sha256"] = file.file_sha256;
    entry["prompts_sha256"] = file.prompts_sha256;
    summary["files"][file.path.filename().string()] = entry;
  }
  return summary;
}

PrepareOptions prepare_options(const Task& task) {
  PrepareOptions options;
  options.task = task;
  options.source = task.source;
  options.draw = task.draw;
  options.draw.questions = 0;
  options.draw.groups = task.groups;
  options.prompt = task.prompt;
  return options;
}

Prepared prepare(const PrepareOptions& options) {
  const Questions questions = options.task.read(options.source, options.draw);
  const PromptSource source =
      load_prompt_source(options.model, options.prompt.prompt_template, options.chat);
  const RenderedItems asked = questions.items(source.model(), options.prompt);
  Prepared prepared;
  prepared.data_sha256 = questions.sha256;
  prepared.template_sha256 = questions.template_sha256(source.model(), options.prompt);
  prepared.tokenizer_sha256 = source.tokenizer.content_hash();
  if (!questions.train_items) {
    prepared.files.push_back(write(options.output_dir / (options.task.name + ".jsonl"), asked));
    return prepared;
  }
  if (questions.missing_train.empty()) {
    const RenderedItems train =
        questions.train_items(source.model(), options.prompt, options.draw.limit);
    prepared.files.push_back(write(options.output_dir / "train_formatted.jsonl", train));
  } else {
    log::warn("{}: no such file, so no train_formatted.jsonl", questions.missing_train.string());
  }
  prepared.files.push_back(write(options.output_dir / "dev_formatted.jsonl", asked));
  return prepared;
}

}  // namespace tradeoff::task
