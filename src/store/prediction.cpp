#include "tradeoff/store/prediction.hpp"

#include <algorithm>
#include <utility>

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

struct Writer {
  Json row = Json::object();

  template <typename T>
  void operator()(std::string_view key, const T& value) {
    row[key] = value;
  }
  template <typename T>
  void operator()(std::string_view key, const std::optional<T>& value) {
    if (value) row[key] = *value;
  }
  void operator()(std::string_view key, const std::vector<double>& values) {
    row[key] = values.empty() ? Json() : Json(values);
  }
  void operator()(std::string_view key, Finish finish) { row[key] = name_of(finish); }
};

struct Reader {
  const Json& row;
  std::vector<std::string_view> known = {};

  template <typename T>
  void operator()(std::string_view key, T& value) {
    known.push_back(key);
    value = field<T>(row, key);
  }
  template <typename T>
  void operator()(std::string_view key, std::optional<T>& value) {
    known.push_back(key);
    if (row.contains(key)) value = field<T>(row, key);
  }
  void operator()(std::string_view key, std::vector<double>& values) {
    known.push_back(key);
    const auto found = row.find(key);
    const bool none = found != row.end() && found->is_null();
    if (!none) values = field<std::vector<double>>(row, key);
  }
  void operator()(std::string_view key, Finish& finish) {
    known.push_back(key);
    const auto name = field<std::string>(row, key);
    finish = name == name_of(Finish::stop) ? Finish::stop : Finish::length;
    if (name != name_of(finish))
      fail("key \"" + std::string(key) + "\": found \"" + name + "\", expected stop or length");
  }

  void check_no_other() const {
    for (const auto& [key, value] : row.items()) {
      if (std::ranges::find(known, key) == known.end()) fail("unknown key \"" + key + "\"");
    }
  }
};

}  // namespace

std::string_view name_of(Finish finish) {
  return finish == Finish::stop ? "stop" : "length";
}

Json to_json(const Prediction& prediction, Form form) {
  Writer writer;
  visit_keys(prediction, form, writer);
  return std::move(writer.row);
}

Prediction read_prediction(const Json& row, Form form) {
  check(row.is_object(), "expected a row, an object");
  Prediction prediction;
  if (form == Form::choice) prediction.answer = ChosenAnswer();
  Reader reader{row};
  visit_keys(prediction, form, reader);
  reader.check_no_other();
  return prediction;
}

}  // namespace tradeoff::store
