#include "tradeoff/store/prediction.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tradeoff/base/error.hpp"
#include "tradeoff/store/predictions_file.hpp"
#include "tradeoff/store/run_table.hpp"

namespace tradeoff::store {
namespace {

// The bytes of journals and of `predict --out`, as all versions wrote them.
const std::pair<Form, const char*> kLines[] = {
    {Form::sql,
     R"({"id":47,"text":"SELECT 1 -- é","token_ids":[5,29789],"prompt_tokens":271,"finish":"length","sql":"SELECT 1"})"},
    {Form::sql,
     R"({"id":"a/1","text":"","token_ids":[],"prompt_tokens":271,"finish":"stop","sql":"","sample":2,"logprob":-119.5})"},
    {Form::sql,
     R"({"id":1,"text":"","token_ids":[],"prompt_tokens":900,"finish":"stop","sql":"","skipped":"900 tokens","sample":0})"},
    {Form::letter,
     R"({"id":3,"text":" B","token_ids":[1],"prompt_tokens":7,"finish":"stop","answer":"B"})"},
    {Form::choice,
     R"({"id":"anatomy/55","choice_logprobs":[-13.082313537597656,-1.5],"answer":"B","prompt_tokens":106,"greedy":-1})"},
    {Form::choice, R"({"id":2,"choice_logprobs":[-0.25,-1.5],"answer":"A","prompt_tokens":106})"},
    {Form::choice,
     R"({"id":2,"choice_logprobs":null,"answer":"","prompt_tokens":900,"skipped":"900 tokens"})"},
};

TEST(Prediction, keeps_the_bytes_of_every_form) {
  for (const auto& [form, line] : kLines) {
    const Prediction row = read_prediction(Json::parse(line), form);
    EXPECT_EQ(to_line(to_json(row, form)), line);
    EXPECT_EQ(read_prediction(to_json(row, form), form), row);
  }
}

std::string refusal(const Json& row, Form form) {
  try {
    (void)read_prediction(row, form);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Prediction, names_the_key_that_it_cannot_take) {
  for (const auto& [form, line] : kLines) {
    const Json row = Json::parse(line);
    for (const auto& [key, value] : row.items()) {
      Json other = row;
      other.erase(key);
      const bool may_be_absent =
          std::set<std::string>{"sample", "logprob", "skipped", "greedy"}.contains(key);
      EXPECT_EQ(refusal(other, form), may_be_absent ? "accepted" : "missing key \"" + key + "\"");
      if (key == "id") continue;
      other = row;
      other[key] = Json::object();
      EXPECT_NE(refusal(other, form).find("\"" + key + "\": found"), std::string::npos)
          << refusal(other, form);
    }
    Json more = row;
    more["colour"] = "red";
    EXPECT_EQ(refusal(more, form), "unknown key \"colour\"");
  }
  EXPECT_EQ(refusal(5, Form::sql), "expected a row, an object");
  EXPECT_EQ(refusal(Json::parse(kLines[0].second), Form::letter), "missing key \"answer\"");
}

std::vector<std::string> names(const RunShape& shape) {
  const Table table = run_table({}, shape);
  std::vector<std::string> names;
  for (const auto& [name, column] : table.columns()) {
    names.push_back(name);
    EXPECT_NE(column_text(name), "") << name;
  }
  return names;
}

TEST(RunTable, has_the_columns_of_its_answers_in_one_order) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(names({.form = Form::sql, .corrections = true}),
            (Names{"item",     "prompt_tokens", "shots_used", "skipped",
                   "overflow", "text",          "token_ids",  "tokens",
                   "finish",   "sql",           "outcome",    "error_class",
                   "message",  "result",        "exec",       "exec_keep_distinct",
                   "match",    "set",           "strict",     "soft_f1",
                   "non_empty"}));
  EXPECT_EQ(names({.form = Form::letter, .sampled = true}),
            (Names{"item", "prompt_tokens", "shots_used", "skipped", "overflow", "text",
                   "token_ids", "tokens", "finish", "answer", "correct", "reading", "logprob"}));
  EXPECT_EQ(names({.form = Form::choice, .sampled = true, .corrections = true}),
            (Names{"item", "prompt_tokens", "shots_used", "skipped", "overflow", "answer",
                   "correct", "choice_logprobs", "greedy", "clean", "corrected"}));
  const Names sampled = names({.form = Form::sql, .sampled = true});
  EXPECT_EQ((Names{sampled.end() - 3, sampled.end()}),
            (Names{"non_empty", "logprob", "result_hash"}));
}

TEST(RunTable, says_what_is_missing) {
  const Prediction asked = read_prediction(Json::parse(kLines[5].second), Form::choice),
                   skipped = read_prediction(Json::parse(kLines[6].second), Form::choice);
  LetterJudgement right, wrong;
  right.letter = "A";
  right.correct = true;
  wrong.corrected = false;
  const RunRow rows[] = {{0, &asked, right, 4, false, "1 shot dropped"},
                         {1, &skipped, wrong, 0, true, ""}};
  const Table table = run_table(rows, {.form = Form::choice, .corrections = true, .choices = 3});
  const Matrix& logprobs = table.at(column::kChoiceLogprobs);
  EXPECT_EQ(logprobs.width, 3u);
  EXPECT_EQ(logprobs.values[1], -1.5);
  for (const std::size_t at : {2, 3, 4, 5}) EXPECT_TRUE(std::isnan(logprobs.values[at])) << at;
  EXPECT_EQ(table.at(column::kGreedy), (Ints{kUnknownGreedy, kUnknownGreedy}));
  EXPECT_EQ(table.at(column::kSkipped), (Flags{0, 1}));
  EXPECT_EQ(table.at(column::kCorrect), (Flags{1, 0}));
  EXPECT_EQ(table.at(column::kCorrected), (Flags{-1, 0}));
  EXPECT_EQ(table.at(column::kOverflow), (Strings{"1 shot dropped", ""}));
  EXPECT_THROW((void)run_table(rows, {.form = Form::choice, .choices = 1}), Error);
}

}  // namespace
}  // namespace tradeoff::store
