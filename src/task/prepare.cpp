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

Prepared prepare_spider(const PrepareSpiderOptions& options) {
  const Spider spider = load_spider(options.data, options.files);
  const PromptSource source =
      load_prompt_source(options.model, options.prompt.prompt_template, options.chat);
  const SpiderRenderer renderer(spider, source.model(), options.prompt);
  const RenderedItems dev = renderer.dev_items(draw_spider(spider, options.draw));
  Prepared prepared;
  prepared.data_sha256 = spider.sha256;
  prepared.template_sha256 = renderer.template_sha256();
  prepared.tokenizer_sha256 = source.tokenizer.content_hash();
  if (spider.missing_train.empty()) {
    const RenderedItems train = renderer.train_items(options.draw.limit);
    prepared.files.push_back(write(options.output_dir / "train_formatted.jsonl", train));
  } else {
    log::warn("{}: no such file, so no train_formatted.jsonl", spider.missing_train.string());
  }
  prepared.files.push_back(write(options.output_dir / "dev_formatted.jsonl", dev));
  return prepared;
}

Prepared prepare_mmlu(const PrepareMmluOptions& options) {
  const Mmlu mmlu = load_mmlu(options.data);
  const PromptSource source =
      load_prompt_source(options.model, options.prompt.prompt_template, options.chat);
  const MmluRenderer renderer(mmlu, source.model(), options.prompt);
  const RenderedItems items = renderer.items(draw_mmlu(mmlu, options.draw));
  Prepared prepared;
  prepared.data_sha256 = mmlu.sha256;
  prepared.template_sha256 = renderer.template_sha256();
  prepared.tokenizer_sha256 = source.tokenizer.content_hash();
  prepared.files.push_back(write(options.output_dir / "mmlu.jsonl", items));
  return prepared;
}

}  // namespace tradeoff::task
