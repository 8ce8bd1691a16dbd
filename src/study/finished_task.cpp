#include "finished_task.hpp"

#include <algorithm>

#include "tradeoff/base/build_info.hpp"
#include "tradeoff/results/prompt_table.hpp"
#include "tradeoff/study/judge.hpp"
#include "tradeoff/task/extract.hpp"
#include "tradeoff/task/extract_letter.hpp"

namespace tradeoff::study {
namespace {

store::Table prompt_texts(std::span<const task::Item> items) {
  std::vector<std::string> texts;
  for (const task::Item& item : items) texts.push_back(item.prompt);
  return results::prompt_table(texts);
}

store::Attributes sampling_attributes(const SamplingOptions& sampling) {
  return {{"temperature", sampling.rule.temperature},
          {"top_p", sampling.rule.top_p},
          {"top_k", sampling.rule.top_k},
          {"samples", sampling.rule.samples},
          {"sample_seed", static_cast<std::int64_t>(sampling.sample_seed)}};
}

void judge_letters(FinishedTask& done) {
  const PredictionPlan& plan = done.plan;
  for (std::size_t i = 0; i < done.rows.size(); ++i)
    done.judged.emplace_back(judge_letter(plan.items[i / plan.samples()], done.rows[i], plan.form));
}

store::Run run_of(const FinishedTask& done) {
  const PredictionPlan& plan = done.plan;
  store::Run run;
  run.rows = answers_table(plan.items, done.rows, done.judged, plan.form);
  for (std::int64_t k = 1; k < plan.samples(); ++k)
    run.further.push_back(answers_table(plan.items, done.rows, done.judged, plan.form, k));
  if (plan.sampled()) run.attributes = sampling_attributes(plan.decoding.sampling);
  if (!done.reached_by_seed)
    run.attributes["computed_once"] =
        std::string("no random stream reaches it: greedy, examples in file order");
  return run;
}

}  // namespace

void store_task(const store::RunKey& key, FinishedTask done, store::Predictions& predictions) {
  if (done.plan.form != store::Form::sql) judge_letters(done);
  store::Run run = run_of(done);
  const std::string prompts = task::prompts_sha256(done.plan.items);
  run.attributes["prompts_sha256"] = prompts;
  store::Table& texts = predictions.summary[results::prompt_table_name(prompts)];
  if (texts.columns().empty()) texts = prompt_texts(done.plan.items);
  predictions.runs[key] = std::move(run);
}

std::map<std::string, std::string> versions_of(const StudyOptions& options) {
  std::map<std::string, std::string> versions = {
      {"tradeoff", std::string(build_version())},
      {"sql_extraction", std::to_string(task::kExtractVersion)}};
  const auto writes_letters = [&](const std::string& name) {
    return options.known.at(name).task.answer == task::Answer::letter;
  };
  if (std::ranges::any_of(options.tasks, writes_letters))
    versions["letter_extraction"] = std::to_string(task::kExtractLetterVersion);
  for (const auto& [name, known] : options.known)
    versions[name + "_prompt"] = std::to_string(known.task.prompt_version);
  return versions;
}

}  // namespace tradeoff::study
