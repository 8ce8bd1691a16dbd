#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "tradeoff/store/table.hpp"

/// Every column of /runs/<arm>/seed-<s>/<task>: its name, its type, which answers have it, and what
/// it holds. Journals, messages between ranks, `predict --out`, predictions.h5 and the exports take
/// their names from here; run_table.cpp says from which part of a row each is filled.
namespace tradeoff::store {

/// What an answer is.
enum class Form : std::uint8_t {
  sql,     // a query, read from a text that the model wrote
  letter,  // the letter of a choice, read from such a text
  choice,  // the choice that is the likeliest next token
};

/// Which answers have a column.
enum class Answers : std::uint8_t {
  all,
  written,  // sql and letter
  sql,
  letter,
  choice,
  by_letter,    // letter and choice
  corrected,    // those, where the questions have corrections
  sampled,      // written, where they are sampled
  sampled_sql,  // sql, where they are sampled
};

/// T: one of the types of Column.
template <typename T>
struct RunColumn {
  std::string_view name;
  Answers of = Answers::all;
  // The attribute `description` of the column.
  std::string_view text;
};

namespace column {

inline constexpr RunColumn<Ints> kItem = {"item", Answers::all,
                                          "index of the row in /items/<task>, from 0"};
inline constexpr RunColumn<Ints> kSample = {"sample", Answers::sampled,
                                            "which of an item's sampled answers, from 0"};
inline constexpr RunColumn<Ints> kPromptTokens = {"prompt_tokens", Answers::all,
                                                  "tokens of the prompt"};
inline constexpr RunColumn<Ints> kShotsUsed = {"shots_used", Answers::all,
                                               "solved examples in the prompt"};
inline constexpr RunColumn<Flags> kSkipped = {
    "skipped", Answers::all,
    "1: the prompt was too long, nothing was predicted, and the row counts as wrong"};
inline constexpr RunColumn<Strings> kOverflow = {
    "overflow", Answers::all,
    "why shots were dropped or the row was skipped; empty where nothing was"};

inline constexpr RunColumn<Strings> kText = {
    "text", Answers::written, "the answer as it was generated, without end token and stop text"};
inline constexpr RunColumn<RaggedInts> kTokenIds = {"token_ids", Answers::written,
                                                    "tokens of the answer"};
inline constexpr RunColumn<Ints> kTokens = {
    "tokens", Answers::written, "number of tokens of the answer, or of the training step"};
inline constexpr RunColumn<Strings> kFinish = {
    "finish", Answers::written,
    "how the answer ended: stop (an end token or stop text) or length (cut off)"};

inline constexpr RunColumn<Strings> kSql = {
    "sql", Answers::sql, "the statement found in the answer; empty where there is none"};
inline constexpr RunColumn<Strings> kOutcome = {
    "outcome", Answers::sql,
    "what became of the predicted SQL: ok, sql_error, denied, timeout, no_sql, ..."};
inline constexpr RunColumn<Strings> kErrorClass = {
    "error_class", Answers::sql, "why a wrong answer is wrong; empty where it is right"};
inline constexpr RunColumn<Strings> kMessage = {
    "message", Answers::sql, "what SQLite or the comparison says of a wrong answer"};
inline constexpr RunColumn<Strings> kResult = {
    "result", Answers::sql, "the first rows that the query gives on the question's own database"};
inline constexpr RunColumn<Flags> kExec = {
    "exec", Answers::sql, "official test-suite execution accuracy (1 yes, 0 no, -1 not judged)"};
inline constexpr RunColumn<Flags> kExecKeepDistinct = {
    "exec_keep_distinct", Answers::sql,
    "the official rule with DISTINCT kept on both sides (1 yes, 0 no, -1 not judged)"};
inline constexpr RunColumn<Flags> kMatch = {
    "match", Answers::sql, "official exact set match (1 yes, 0 no, -1 not judged)"};
inline constexpr RunColumn<Flags> kSet = {
    "set", Answers::sql,
    "equal sets of rows on the question's own database (1 yes, 0 no, -1 not judged)"};
inline constexpr RunColumn<Flags> kStrict = {
    "strict", Answers::sql,
    "equal bags of rows, lists where the gold orders, columns by position (1 yes, 0 no, -1 not "
    "judged)"};
inline constexpr RunColumn<Doubles> kSoftF1 = {
    "soft_f1", Answers::sql, "order-free soft F1 of the rows, 0 to 1; NaN where not judged"};
inline constexpr RunColumn<Flags> kNonEmpty = {
    "non_empty", Answers::sql,
    "the prediction ran and returned rows, right or wrong (1 yes, 0 no, -1 not "
    "judged)"};

inline constexpr RunColumn<Strings> kAnswer = {
    "answer", Answers::by_letter,
    "choices: the right letter of an item; the chosen letter of an answer"};
inline constexpr RunColumn<Flags> kCorrect = {
    "correct", Answers::by_letter, "whether the chosen letter is the right one (1 yes, 0 no)"};
inline constexpr RunColumn<Strings> kReading = {
    "reading", Answers::letter,
    "the rule by which the letter was read from the text: opening, last_word, announced, only; "
    "no_letter or empty_output where there is none"};
inline constexpr RunColumn<Matrix> kChoiceLogprobs = {
    "choice_logprobs", Answers::choice,
    "log-probability over the whole vocabulary of the choices A to D"};
inline constexpr RunColumn<Ints> kGreedy = {
    "greedy", Answers::choice,
    "choices: the one, from 0, that is the likeliest token of all; -1 another token is, -2 "
    "unknown"};
inline constexpr RunColumn<Doubles> kLogprob = {
    "logprob", Answers::sampled,
    "of a sampled answer: log-probability of its tokens by the model, at temperature 1 without "
    "cuts"};
inline constexpr RunColumn<Strings> kResultHash = {
    "result_hash", Answers::sampled_sql,
    "equal where the rows of sampled queries are equal as bags, columns by position; empty where "
    "the query did not run"};
inline constexpr RunColumn<Flags> kClean = {
    "clean", Answers::corrected,
    "correct, on questions without a known fault alone (1 yes, 0 no, -1 the question has one)"};
inline constexpr RunColumn<Flags> kCorrected = {
    "corrected", Answers::corrected,
    "by the key as an expert corrected it (1 yes, 0 no, -1 there is no such key)"};

/// Whether a query is right, by each rule that says yes or no.
inline constexpr std::array kVerdicts = {kExec, kExecKeepDistinct, kMatch, kSet, kStrict};

}  // namespace column

/// In column kGreedy: its row does not tell it, being skipped or of an early version.
inline constexpr std::int64_t kUnknownGreedy = -2;

/// The answers of one table: which columns it has.
struct RunShape {
  Form form = Form::sql;
  bool sampled = false;
  // Whether the questions have corrections (columns kClean, kCorrected).
  bool corrections = false;
  // Form::choice: most choices of a question.
  std::size_t choices = 4;
};

}  // namespace tradeoff::store
