#include "study_data.hpp"

#include <algorithm>

namespace tradeoff::study {
namespace {

// The chat template is read where an arm asks for it.
task::Template asked_by(const StudyOptions& options) {
  const auto chats = [&](const ArmOptions& arm) {
    return std::ranges::any_of(options.tasks, [&](TaskKind kind) {
      return (kind == TaskKind::spider ? arm.spider.prompt_template : arm.mmlu.prompt_template) ==
             task::Template::chat;
    });
  };
  const auto trains_chat = [](const ArmOptions& arm) {
    return arm.trains && arm.spider.prompt_template == task::Template::chat;
  };
  return std::ranges::any_of(options.arms, chats) || std::ranges::any_of(options.arms, trains_chat)
             ? task::Template::chat
             : task::Template::plain;
}

}  // namespace

StudyData::StudyData(const StudyOptions& options)
    : options_(options),
      prompts_(task::load_prompt_source(options.model.model, asked_by(options), options.chat)) {
  if (std::ranges::any_of(options.arms, &ArmOptions::trains)) {
    spider_ = task::load_spider(options.spider_data);
  }
  for (const TaskKind task : options.tasks) {
    if (task == TaskKind::spider) {
      if (!spider_) spider_ = task::load_spider(options.spider_data);
      task::SpiderDraw draw = options.spider_draw;
      draw.data_seed = options.data_seed;
      spider_questions_ = task::draw_spider(*spider_, draw);
    } else {
      mmlu_ = task::load_mmlu(options.mmlu_data);
      task::MmluDraw draw = options.mmlu_draw;
      draw.data_seed = options.data_seed;
      mmlu_questions_ = task::draw_mmlu(*mmlu_, draw);
    }
  }
}

task::RenderedItems StudyData::items(const ArmOptions& arm, std::uint64_t seed,
                                     TaskKind task) const {
  if (task == TaskKind::spider) {
    task::SpiderPromptOptions options = arm.spider;
    options.seed = seed;
    options.limit = arm.limit;
    return task::SpiderRenderer(*spider_, prompts_.model(), options).dev_items(spider_questions_);
  }
  task::MmluPromptOptions options = arm.mmlu;
  options.limit = arm.limit;
  return task::MmluRenderer(*mmlu_, prompts_.model(), options).items(mmlu_questions_);
}

std::int64_t StudyData::count(TaskKind task) const {
  return task == TaskKind::spider ? std::ssize(spider_questions_) : std::ssize(mmlu_questions_);
}

std::vector<task::SpiderExample> StudyData::spider_questions() const {
  std::vector<task::SpiderExample> questions;
  for (const std::size_t index : spider_questions_) questions.push_back(spider_->dev[index]);
  return questions;
}

task::RenderedItems StudyData::train_items(const ArmOptions& arm, std::uint64_t seed) const {
  task::SpiderPromptOptions options = arm.spider;
  options.seed = seed;
  options.limit = arm.limit;
  return task::SpiderRenderer(*spider_, prompts_.model(), options).train_items();
}

Json StudyData::hashes() const {
  Json json = {{"tokenizer_sha256", prompts_.tokenizer.content_hash()}};
  if (spider_) json["spider_sha256"] = spider_->sha256;
  if (mmlu_) json["mmlu_sha256"] = mmlu_->sha256;
  return json;
}

}  // namespace tradeoff::study
