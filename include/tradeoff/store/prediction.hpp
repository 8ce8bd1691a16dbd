#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/store/run_columns.hpp"

namespace tradeoff::store {

enum class Finish : std::uint8_t { stop, length };
std::string_view name_of(Finish finish);

/// What the model wrote.
struct WrittenAnswer {
  // Without end token and stop text.
  std::string text;
  std::vector<std::int32_t> token_ids;
  Finish finish = Finish::stop;
  // What was read from the text: its SQL, or its letter; empty where there is none.
  std::string read;
  // Of a sampled answer: log-probability of its tokens, at temperature 1 without cuts.
  std::optional<double> logprob;
  bool operator==(const WrittenAnswer&) const = default;
};

/// How likely the model finds each choice.
struct ChosenAnswer {
  // Over the whole vocabulary; none where the question was skipped.
  std::vector<double> logprobs;
  // The likeliest of them; empty where the question was skipped.
  std::string letter;
  // The choice, from 0, that is the likeliest token of all; -1 where another token is. `predict`
  // and journals of early versions do not tell it.
  std::optional<std::int64_t> greedy;
  bool operator==(const ChosenAnswer&) const = default;
};

/// The answer to one question, or one of its samples: a row between prediction and judgement.
struct Prediction {
  // The item's, a number or a string.
  Json id;
  std::int64_t prompt_tokens = 0;
  std::variant<WrittenAnswer, ChosenAnswer> answer;
  // Why nothing was asked; such an answer is empty, and wrong.
  std::optional<std::string> skipped;
  // From 0; none where answers are greedy.
  std::optional<std::int64_t> sample;

  /// Throw std::bad_variant_access for an answer of the other sort.
  const WrittenAnswer& written() const { return std::get<WrittenAnswer>(answer); }
  const ChosenAnswer& chosen() const { return std::get<ChosenAnswer>(answer); }
  bool operator==(const Prediction&) const = default;
};

/// The row of a journal, of a message between ranks and of `predict --out`: keys in one order,
/// those without a value left out. `form` is what the answer is.
Json to_json(const Prediction& prediction, Form form);
/// Its inverse. Throws Error naming the key that is missing, unknown or of a wrong type.
Prediction read_prediction(const Json& row, Form form);

}  // namespace tradeoff::store
