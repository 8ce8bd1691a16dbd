#include "tradeoff/store/prediction.hpp"

#include <utility>

#include "keyed_row.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff::store {
namespace {

// Calls `visit` with each key and the part of `p` that stands there, in the order in which keys are
// written. P is Prediction or const Prediction.
template <typename P, typename Visit>
void visit_keys(P& p, Form form, Visit&& visit) {
  visit("id", p.id);
  if (form == Form::choice) {
    auto& answer = std::get<ChosenAnswer>(p.answer);
    visit(column::kChoiceLogprobs.name, answer.logprobs);
    visit(column::kAnswer.name, answer.letter);
    visit(column::kPromptTokens.name, p.prompt_tokens);
    visit(column::kGreedy.name, answer.greedy);
    visit(column::kSkipped.name, p.skipped);
    return;
  }
  auto& answer = std::get<WrittenAnswer>(p.answer);
  visit(column::kText.name, answer.text);
  visit(column::kTokenIds.name, answer.token_ids);
  visit(column::kPromptTokens.name, p.prompt_tokens);
  visit(column::kFinish.name, answer.finish);
  visit(form == Form::sql ? column::kSql.name : column::kAnswer.name, answer.read);
  visit(column::kSkipped.name, p.skipped);
  visit(column::kSample.name, p.sample);
  visit(column::kLogprob.name, answer.logprob);
}

}  // namespace

std::string_view name_of(Finish finish) {
  return finish == Finish::stop ? "stop" : "length";
}

Json to_json(const Prediction& prediction, Form form) {
  KeyWriter writer;
  visit_keys(prediction, form, writer);
  return std::move(writer.row);
}

Prediction read_prediction(const Json& row, Form form) {
  check(row.is_object(), "expected a row, an object");
  Prediction prediction;
  if (form == Form::choice) prediction.answer = ChosenAnswer();
  KeyReader reader{row};
  visit_keys(prediction, form, reader);
  reader.check_no_other();
  return prediction;
}

}  // namespace tradeoff::store
