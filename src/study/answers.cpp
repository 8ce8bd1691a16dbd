#include "answers.hpp"

#include <algorithm>

#include "tradeoff/task/choice_score.hpp"
#include "tradeoff/task/extract.hpp"
#include "tradeoff/task/extract_letter.hpp"

namespace tradeoff::study {
namespace {

// Where the first of the stop texts begins; npos when none is in `text`.
std::size_t stop_at(std::string_view text, const std::vector<std::string>& stops) {
  std::size_t first = std::string_view::npos;
  for (const std::string& stop : stops) first = std::min(first, text.find(stop));
  return first;
}

// What is read from a written answer: its SQL, or its letter.
std::string reading(store::Form form, const task::Item& item, const std::string& text) {
  if (form == store::Form::sql) return task::extract_sql(text).sql;
  const char letter = task::extract_letter(text, item.choices.size()).letter;
  return letter ? std::string(1, letter) : "";
}

// The answer without the stop text; a token that holds the beginning of the stop text is left out
// of the ids.
store::WrittenAnswer written_answer(const infer::Answer& answer, const text::Tokenizer& tokenizer,
                                    const std::vector<std::string>& stops) {
  store::WrittenAnswer written;
  written.text = tokenizer.decode(answer.ids);
  written.token_ids = answer.ids;
  written.finish =
      answer.finish == infer::Finish::stop ? store::Finish::stop : store::Finish::length;
  if (const std::size_t at = stop_at(written.text, stops); at != std::string::npos) {
    written.text.resize(at);
    std::size_t bytes = 0, kept = 0;
    const auto size = [&] { return tokenizer.token_bytes(answer.ids[kept]).size(); };
    while (kept < answer.ids.size() && bytes + size() <= at) {
      bytes += size();
      ++kept;
    }
    written.token_ids.resize(kept);
  }
  return written;
}

store::ChosenAnswer chosen_answer(const infer::ChoiceScores& scores) {
  store::ChosenAnswer chosen;
  chosen.logprobs.assign(scores.logprobs.begin(), scores.logprobs.end());
  chosen.letter = std::string(1, task::answer_letter(chosen.logprobs));
  chosen.greedy = scores.greedy;
  return chosen;
}

store::Prediction row_of(const PredictionPlan& plan, std::int64_t item) {
  store::Prediction row;
  row.id = plan.items[item].id;
  row.prompt_tokens = std::ssize(plan.prompts[item]);
  return row;
}

}  // namespace

std::vector<store::Prediction> answer_chunk(infer::Engine& engine, const text::Tokenizer& tokenizer,
                                            const std::vector<text::TokenId>& end_tokens,
                                            const PredictionPlan& plan, const infer::Chunk& chunk) {
  std::vector<store::Prediction> rows;
  if (!plan.written()) {
    std::vector<std::vector<text::TokenId>> choices;
    for (const std::int64_t index : chunk.prompts) choices.push_back(plan.choices[index]);
    const auto scores = engine.score_choices(chunk, plan.prompts, choices);
    for (std::size_t i = 0; i < chunk.prompts.size(); ++i)
      rows.emplace_back(row_of(plan, chunk.prompts[i])).answer = chosen_answer(scores[i]);
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
    store::Prediction& row = rows.emplace_back(row_of(plan, index));
    store::WrittenAnswer written = written_answer(answers[i], tokenizer, stops);
    written.read = reading(plan.form, plan.items[index], written.text);
    if (plan.sampled()) {
      row.sample = static_cast<std::int64_t>(i % samples);
      written.logprob = answers[i].logprob;
    }
    row.answer = std::move(written);
  }
  return rows;
}

store::Prediction skipped_row(const PredictionPlan& plan, const task::Item& item) {
  store::Prediction row;
  row.id = item.id;
  row.prompt_tokens = item.prompt_tokens;
  row.skipped = item.overflow;
  if (!plan.written()) row.answer = store::ChosenAnswer();
  return row;
}

}  // namespace tradeoff::study
