#include "answers.hpp"

#include <algorithm>

#include "tradeoff/task/extract.hpp"
#include "tradeoff/task/extract_letter.hpp"
#include "tradeoff/task/mmlu_score.hpp"

namespace tradeoff::study {
namespace {

// Where the first of the stop texts begins; npos when none is in `text`.
std::size_t stop_at(std::string_view text, const std::vector<std::string>& stops) {
  std::size_t first = std::string_view::npos;
  for (const std::string& stop : stops) first = std::min(first, text.find(stop));
  return first;
}

// What is read from a written answer: its SQL, or its letter.
std::pair<const char*, std::string> reading(task::Kind kind, const task::Item& item,
                                            const std::string& text) {
  if (kind == task::Kind::sql) return {"sql", task::extract_sql(text).sql};
  const char letter = task::extract_letter(text, item.choices.size()).letter;
  return {"answer", letter ? std::string(1, letter) : ""};
}

// `text` and `token_ids` without the stop text; a token that holds the beginning of the stop text
// is left out of the ids.
Json text_row(task::Kind kind, const task::Item& item, const infer::Answer& answer,
              std::size_t prompt_tokens, const text::Tokenizer& tokenizer,
              const std::vector<std::string>& stops) {
  std::string text = tokenizer.decode(answer.ids);
  std::vector<text::TokenId> ids = answer.ids;
  if (const std::size_t at = stop_at(text, stops); at != std::string::npos) {
    text.resize(at);
    std::size_t bytes = 0, kept = 0;
    while (kept < ids.size() && bytes + tokenizer.token_bytes(ids[kept]).size() <= at)
      bytes += tokenizer.token_bytes(ids[kept++]).size();
    ids.resize(kept);
  }
  const auto [read, value] = reading(kind, item, text);
  return {{"id", item.id},
          {"text", text},
          {"token_ids", ids},
          {"prompt_tokens", prompt_tokens},
          {"finish", answer.finish == infer::Finish::stop ? "stop" : "length"},
          {read, value}};
}

Json choice_row(const task::Item& item, const infer::ChoiceScores& scores,
                std::size_t prompt_tokens) {
  const std::vector<double> values(scores.logprobs.begin(), scores.logprobs.end());
  return {{"id", item.id},
          {"choice_logprobs", values},
          {"answer", std::string(1, task::answer_letter(values))},
          {"prompt_tokens", prompt_tokens},
          {"greedy", scores.greedy}};
}

}  // namespace

std::vector<Json> answer_chunk(infer::Engine& engine, const text::Tokenizer& tokenizer,
                               const std::vector<text::TokenId>& end_tokens,
                               const PredictionPlan& plan, const infer::Chunk& chunk) {
  std::vector<Json> rows;
  if (!plan.written()) {
    std::vector<std::vector<text::TokenId>> choices;
    for (const std::int64_t index : chunk.prompts) choices.push_back(plan.choices[index]);
    const auto scores = engine.score_choices(chunk, plan.prompts, choices);
    for (std::size_t i = 0; i < chunk.prompts.size(); ++i) {
      const std::int64_t index = chunk.prompts[i];
      rows.push_back(choice_row(plan.items[index], scores[i], plan.prompts[index].size()));
    }
    return rows;
  }
  infer::GenerateOptions options;
  options.max_new_tokens = plan.decoding.max_new_tokens;
  options.end_tokens = end_tokens;
  const auto& stops = plan.decoding.stop;
  if (!stops.empty()) {
    options.stop = [&](std::span<const text::TokenId> ids) {
      return stop_at(tokenizer.decode(ids), stops) != std::string::npos;
    };
  }
  const SamplingOptions& sampling = plan.decoding.sampling;
  if (plan.sampled()) {
    options.sampling = sampling.rule;
    for (const std::int64_t index : chunk.prompts)
      options.keys.push_back(infer::draw_key(sampling.sample_seed, plan.replicate_seed,
                                             task::id_text(plan.items[index].id)));
  }
  const auto answers = engine.generate(chunk, plan.prompts, options);
  const auto samples = static_cast<std::size_t>(plan.samples());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::int64_t index = chunk.prompts[i / samples];
    Json& row = rows.emplace_back(text_row(plan.kind, plan.items[index], answers[i],
                                           plan.prompts[index].size(), tokenizer, stops));
    if (!plan.sampled()) continue;
    row["sample"] = i % samples;
    row["logprob"] = answers[i].logprob;
  }
  return rows;
}

Json skipped_row(const PredictionPlan& plan, const task::Item& item) {
  Json row = {{"id", item.id}};
  if (plan.written()) {
    row["text"] = "";
    row["token_ids"] = Json::array();
  } else {
    row["choice_logprobs"] = nullptr;
    row["answer"] = "";
  }
  row["prompt_tokens"] = item.prompt_tokens;
  if (plan.written()) {
    row["finish"] = "stop";
    row[reading(plan.kind, item, "").first] = "";
  }
  row["skipped"] = item.overflow;
  return row;
}

}  // namespace tradeoff::study
