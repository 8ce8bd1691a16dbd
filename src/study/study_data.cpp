#include "study_data.hpp"

#include <algorithm>

namespace tradeoff::study {
namespace {

bool trains(const StudyOptions& options) {
  return std::ranges::any_of(options.arms, &ArmOptions::trains);
}

// The chat template is read where an arm of that model asks for it.
task::Template asked_of(const std::filesystem::path& model, const StudyOptions& options) {
  const auto chats = [&](const ArmOptions& arm, const std::string& task) {
    const std::string& as = asked_as(options.known.at(task).task);
    return arm.prompts.at(as).prompt_template == task::Template::chat;
  };
  const std::string& trained = training_task(options).task.name;
  const bool any = std::ranges::any_of(options.arms, [&](const ArmOptions& arm) {
    return arm.model.model == model &&
           ((arm.trains && chats(arm, trained)) ||
            std::ranges::any_of(options.tasks, [&](const auto& task) { return chats(arm, task); }));
  });
  return any ? task::Template::chat : task::Template::plain;
}

task::PromptOptions prompt_options(const ArmOptions& arm, const task::Task& task,
                                   std::uint64_t seed) {
  task::PromptOptions options = arm.prompts.at(asked_as(task));
  options.seed = seed;
  options.limit = arm.limit;
  return options;
}

}  // namespace

StudyData::StudyData(const StudyOptions& options) : options_(options) {
  for (const ArmOptions& arm : options.arms) {
    const std::filesystem::path& model = arm.model.model;
    if (!prompts_.contains(model))
      prompts_.emplace(model,
                       task::load_prompt_source(model, asked_of(model, options), options.chat));
  }
  const auto read = [&](const StudyTask& known) {
    if (questions_.contains(known.task.name)) return;
    task::Draw draw = options.known.at(asked_as(known.task)).draw;
    draw.data_seed = options.data_seed;
    questions_[known.task.name] = known.task.read(known.source, draw);
  };
  if (trains(options)) read(training_task(options));
  for (const std::string& task : options.tasks) read(options.known.at(task));
}

task::RenderedItems StudyData::items(const ArmOptions& arm, std::uint64_t seed,
                                     const std::string& task) const {
  return questions(task).items(prompts(arm).model(),
                               prompt_options(arm, options_.known.at(task).task, seed));
}

task::RenderedItems StudyData::train_items(const ArmOptions& arm, std::uint64_t seed) const {
  const task::Task& task = training_task(options_).task;
  return questions(task.name).train_items(prompts(arm).model(), prompt_options(arm, task, seed), 0);
}

std::string StudyData::template_sha256(const ArmOptions& arm, const task::Task& task) const {
  return questions(task.name).template_sha256(prompts(arm).model(),
                                              prompt_options(arm, task, options_.seeds.front()));
}

Json StudyData::hashes() const {
  Json json = Json::object();
  // Built-in tasks first, in their own order; a job's own behind them.
  for (const task::Task& task : task::built_in_tasks()) {
    const auto found = questions_.find(task.name);
    if (found != questions_.end()) json[task.name + "_sha256"] = found->second.sha256;
  }
  for (const auto& [task, questions] : questions_) json[task + "_sha256"] = questions.sha256;
  return json;
}

}  // namespace tradeoff::study
