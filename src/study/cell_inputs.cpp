#include "cell_inputs.hpp"

#include <algorithm>

#include "tradeoff/store/difference.hpp"

namespace tradeoff::study {
namespace {

constexpr const char* kDrawn = "draw";

Json keys_of(const Json& record, std::initializer_list<const char*> keys) {
  Json found = Json::object();
  for (const char* key : keys)
    if (record.contains(key)) found[key] = record.at(key);
  return found;
}

// What an adapter is called decides nothing.
Json identity_of(Json adapter) {
  adapter.erase("name");
  return adapter;
}

// How answers are drawn teaches nothing.
void erase_sampling(Json& prompt) {
  for (const char* key : kSamplingKeys) prompt.erase(key);
}

// What decides a prompt. `own`: the arm's keys in the study's record.
Json prompt_inputs(const StudyOptions& options, const StudyData& data, const ArmOptions& arm,
                   const task::Task& task, const Json& own, const Json& model) {
  const std::string& as = asked_as(task);
  Json inputs = keys_of(own, {"max_prompt_tokens", "overflow"});
  inputs[as] = own.at(as);
  if (arm.prompts.at(as).prompt_template == task::Template::chat)
    inputs["model"] =
        keys_of(options.record.at("model"), {"chat_template", "template_date", "enable_thinking"});
  if (options.record.contains("task") && options.record["task"].contains(task.name))
    inputs["task"][task.name] = options.record["task"][task.name];
  Json& hashes = inputs["hashes"];
  hashes[task.name] = data.questions(task.name).sha256;
  hashes["template"] = data.template_sha256(arm, task);
  for (const char* key : {"tokenizer_sha256", "config_sha256", "weights_sha256"})
    hashes[std::string("model_") + key] = model.at(key);
  inputs.update(keys_of(model, {"dtype", "quantization"}));
  return inputs;
}

Json training_inputs(const StudyOptions& options, const StudyData& data, const ArmOptions& arm,
                     const Json& own, const Json& model) {
  const task::Task& task = training_task(options).task;
  Json inputs = prompt_inputs(options, data, arm, task, own, model);
  erase_sampling(inputs.at(asked_as(task)));
  inputs["trained_on"] = task.name;
  inputs["train"] = own.at("train");
  if (own.contains("init_adapter")) inputs["init_adapter"] = identity_of(own.at("init_adapter"));
  return inputs;
}

Json task_inputs(const StudyOptions& options, const StudyData& data, const ArmOptions& arm,
                 const task::Task& task, const Json& own, const Json& model) {
  Json inputs = prompt_inputs(options, data, arm, task, own, model);
  inputs["trains"] = arm.trains;
  if (own.contains("adapter")) inputs["adapter"] = identity_of(own.at("adapter"));
  inputs["chunk_size"] = own.at("chunk_size");
  if (is_written(task)) inputs.update(keys_of(own, {"max_new_tokens", "stop"}));
  if (task.answer == task::Answer::letter)
    inputs[asked_as(task)]["answer"] = task::name_of(task.answer);
  const task::Draw& draw = options.known.at(asked_as(task)).draw;
  inputs["study"]["data_seed"] = options.data_seed;
  inputs[kDrawn] = {{"questions", draw.questions}, {"groups", draw.groups}};
  return inputs;
}

// The questions of one draw are among those of a larger one with the same seed; those of some
// groups among all of more groups.
bool is_larger_draw(const Json& before, const Json& now) {
  const auto old_count = field<std::uint64_t>(before, "questions");
  const auto new_count = field<std::uint64_t>(now, "questions");
  if (before.at("groups") == now.at("groups"))
    return new_count == 0 || (old_count != 0 && old_count <= new_count);
  const auto old_groups = field<std::vector<std::string>>(before, "groups");
  const auto new_groups = field<std::vector<std::string>>(now, "groups");
  return new_count == 0 && std::ranges::all_of(old_groups, [&](const std::string& group) {
           return std::ranges::find(new_groups, group) != new_groups.end();
         });
}

}  // namespace

Json arm_inputs(const StudyOptions& options, const StudyData& data, const ArmOptions& arm,
                const Json& model, const Json& own) {
  Json inputs = Json::object();
  if (arm.trains) inputs[kTrainingInputs] = training_inputs(options, data, arm, own, model);
  for (const std::string& name : options.tasks)
    inputs[name] = task_inputs(options, data, arm, options.known.at(name).task, own, model);
  return inputs;
}

std::vector<std::string> contrary_inputs(const Json& before, const Json& now) {
  Json then = before;
  // Records of an earlier version hold it among what decides a training.
  if (const auto trained_on = before.find("trained_on"); trained_on != before.end()) {
    const auto prompt = then.find(trained_on->get<std::string>());
    if (prompt != then.end()) erase_sampling(*prompt);
  }
  if (before.contains(kDrawn) && now.contains(kDrawn) &&
      is_larger_draw(before.at(kDrawn), now.at(kDrawn)))
    then[kDrawn] = now.at(kDrawn);
  return store::differences(then, now);
}

}  // namespace tradeoff::study
