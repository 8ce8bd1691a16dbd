#include "tradeoff/study/score_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/sql/sandbox/result_text.hpp"
#include "tradeoff/task/extract_letter.hpp"

namespace tradeoff::study {
namespace {

using store::Doubles;
using store::Flags;
using store::Ints;
using store::Strings;
using store::Table;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

std::int8_t flag(std::optional<bool> value) {
  return value ? (*value ? 1 : 0) : -1;
}

// The columns that every run has: which item, how long, why it was skipped or lost shots.
void add_ledger(Table& table, std::span<const task::Item> items, std::span<const Json> rows) {
  Ints item, prompt_tokens, shots_used;
  Strings overflow;
  Flags skipped;
  for (std::size_t i = 0; i < items.size(); ++i) {
    item.push_back(static_cast<std::int64_t>(i));
    prompt_tokens.push_back(field<std::int64_t>(rows[i], "prompt_tokens"));
    shots_used.push_back(items[i].shots_used);
    overflow.push_back(items[i].overflow);
    skipped.push_back(items[i].skipped ? 1 : 0);
  }
  table.add("item", std::move(item));
  table.add("prompt_tokens", std::move(prompt_tokens));
  table.add("shots_used", std::move(shots_used));
  table.add("skipped", std::move(skipped));
  table.add("overflow", std::move(overflow));
}

void add_label(Table& table, std::span<const task::Item> items, const std::string& name) {
  if (name.empty()) return;
  Strings labels;
  for (const task::Item& item : items) labels.push_back(item.label);
  table.add(name, std::move(labels));
}

// True where one of the two is.
void take_better(std::optional<bool>& verdict, std::optional<bool> other) {
  if (other && !verdict.value_or(false)) verdict = other;
}

// The judgement by whichever of several right queries an answer equals.
sql::Verdict score_by_any(const task::Item& item, const std::string& judged, sql::Scorer& scorer) {
  sql::Verdict best = scorer.score(item.db_id, item.query, judged);
  for (const std::string& query : item.also_right) {
    sql::Verdict other = scorer.score(item.db_id, query, judged);
    const bool first_failed = best.outcome == sql::Outcome::gold_error;
    const bool now_right = other.exec.value_or(false) && !best.exec.value_or(false);
    if (first_failed || now_right) std::swap(best, other);
    take_better(best.exec, other.exec);
    take_better(best.exec_keep_distinct, other.exec_keep_distinct);
    take_better(best.match, other.match);
    take_better(best.set, other.set);
    take_better(best.strict, other.strict);
    if (other.soft_f1) best.soft_f1 = std::max(best.soft_f1.value_or(0), *other.soft_f1);
  }
  return best;
}

Flags letters_right(std::span<const task::Item> items, const Strings& answers) {
  Flags correct;
  for (std::size_t i = 0; i < items.size(); ++i)
    correct.push_back(answers[i] == items[i].answer ? 1 : 0);
  return correct;
}

// Where items have corrections: the verdicts on questions without a fault, and by the corrections.
void add_corrections(Table& table, std::span<const task::Item> items, const Strings& answers) {
  if (std::ranges::all_of(items, [](const auto& item) { return item.corrected.empty(); })) return;
  const Flags correct = letters_right(items, answers);
  Flags clean, corrected;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& right = items[i].corrected;
    clean.push_back(items[i].label == "ok" ? correct[i] : std::int8_t{-1});
    corrected.push_back(right.empty() ? std::int8_t{-1}
                                      : flag(std::ranges::find(right, answers[i]) != right.end()));
  }
  table.add("clean", std::move(clean));
  table.add("corrected", std::move(corrected));
}

// What the model wrote, as every written answer has it.
void add_text(Table& table, std::span<const Json> rows) {
  Strings text, finish;
  Ints tokens;
  store::RaggedInts token_ids;
  for (const Json& row : rows) {
    const auto ids = field<std::vector<std::int64_t>>(row, "token_ids");
    text.push_back(field<std::string>(row, "text"));
    finish.push_back(field<std::string>(row, "finish"));
    tokens.push_back(static_cast<std::int64_t>(ids.size()));
    token_ids.add(ids);
  }
  table.add("text", std::move(text));
  table.add("token_ids", std::move(token_ids));
  table.add("tokens", std::move(tokens));
  table.add("finish", std::move(finish));
}

bool is_sampled(std::span<const Json> rows) {
  return !rows.empty() && rows.front().contains("sample");
}

}  // namespace

void check_scoring(std::span<const task::Gold> questions, sql::Scorer& scorer) {
  constexpr std::size_t kShown = 5;
  std::set<std::string> db_ids;
  for (const task::Gold& question : questions) db_ids.insert(question.db_id);
  sql::require_all(scorer, db_ids);
  for (const std::string& db_id : db_ids)
    if (const auto tables = scorer.left_out_tables(db_id); !tables.empty())
      log::warn("{}: left out, since only a module of SQLite could read it: {}", db_id,
                fmt::join(tables, ", "));
  std::vector<std::string> failed;
  for (const task::Gold& question : questions) {
    std::string why = scorer.gold_failure(question.db_id, question.query);
    for (const std::string& query : question.also_right)
      if (!why.empty()) why = scorer.gold_failure(question.db_id, query);
    if (!why.empty())
      failed.push_back(fmt::format("question {} ({}): {}", question.id, question.db_id, why));
  }
  if (failed.empty()) return;
  const std::size_t shown = std::min(kShown, failed.size());
  const std::string text = fmt::format("{}{}", fmt::join(std::span(failed).first(shown), "\n"),
                                       shown < failed.size() ? "\n..." : "");
  check(failed.size() < questions.size(),
        "nothing could be scored: every gold query fails\n" + text);
  log::warn("{} of {} gold queries fail; their questions are not counted\n{}", failed.size(),
            questions.size(), text);
}

Table sql_items_table(std::span<const task::Item> items, sql::Scorer& scorer,
                      const std::string& label) {
  Strings id, db_id, question, query, schema, hardness, result;
  Ints split_size;
  for (const task::Item& item : items) {
    id.push_back(task::id_text(item.id));
    db_id.push_back(item.db_id);
    question.push_back(item.question);
    query.push_back(item.query);
    schema.push_back(item.schema);
    hardness.push_back(item.hardness);
    split_size.push_back(item.split_size);
    result.push_back(sql::result_preview(scorer.run(item.db_id, item.query)));
  }
  Table table;
  table.add("id", std::move(id));
  table.add("db_id", std::move(db_id));
  table.add("question", std::move(question));
  table.add("query", std::move(query));
  table.add("hardness", std::move(hardness));
  table.add("schema", std::move(schema));
  table.add("result", std::move(result));
  table.add("split_size", std::move(split_size));
  add_label(table, items, label);
  if (std::ranges::any_of(items, [](const auto& item) { return !item.also_right.empty(); })) {
    Strings others;
    for (const task::Item& item : items) others.push_back(to_line(Json(item.also_right)));
    table.add("also_right", std::move(others));
  }
  return table;
}

Table choice_items_table(std::span<const task::Item> items, const std::string& label) {
  Strings id, subject, group, question, choices, answer;
  Ints split_size;
  for (const task::Item& item : items) {
    id.push_back(task::id_text(item.id));
    subject.push_back(item.subject);
    group.push_back(item.group);
    question.push_back(item.question);
    std::string& lines = choices.emplace_back();
    for (std::size_t i = 0; i < item.choice_texts.size(); ++i) {
      lines += fmt::format("{}{}. {}", i == 0 ? "" : "\n", static_cast<char>('A' + i),
                           item.choice_texts[i]);
    }
    answer.push_back(item.answer);
    split_size.push_back(item.split_size);
  }
  Table table;
  table.add("id", std::move(id));
  table.add("subject", std::move(subject));
  table.add("group", std::move(group));
  table.add("question", std::move(question));
  table.add("choices", std::move(choices));
  table.add("answer", std::move(answer));
  table.add("split_size", std::move(split_size));
  add_label(table, items, label);
  return table;
}

Table score_sql_rows(std::span<const task::Item> items, std::span<const Json> rows,
                     sql::Scorer& scorer) {
  Strings statement, outcome, error_class, message, result;
  Flags exec, keep_distinct, match, set, strict, non_empty;
  Doubles soft_f1, logprob;
  Strings result_hash;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Json& row = rows[i];
    statement.push_back(field<std::string>(row, "sql"));
    // Without a statement the whole answer is judged, so that blank and prose are told apart.
    const std::string judged =
        statement.back().empty() ? field<std::string>(row, "text") : statement.back();
    const sql::Verdict verdict = score_by_any(items[i], judged, scorer);
    exec.push_back(flag(verdict.exec));
    keep_distinct.push_back(flag(verdict.exec_keep_distinct));
    match.push_back(flag(verdict.match));
    set.push_back(flag(verdict.set));
    strict.push_back(flag(verdict.strict));
    non_empty.push_back(flag(verdict.non_empty));
    soft_f1.push_back(verdict.soft_f1.value_or(kMissing));
    logprob.push_back(field_or<double>(row, "logprob", kMissing));
    result_hash.push_back(verdict.result_hash);
    outcome.emplace_back(name_of(verdict.outcome));
    error_class.push_back(verdict.error_class);
    message.push_back(verdict.message);
    result.push_back(verdict.preview);
  }
  Table table;
  add_ledger(table, items, rows);
  add_text(table, rows);
  table.add("sql", std::move(statement));
  table.add("outcome", std::move(outcome));
  table.add("error_class", std::move(error_class));
  table.add("message", std::move(message));
  table.add("result", std::move(result));
  table.add("exec", std::move(exec));
  table.add("exec_keep_distinct", std::move(keep_distinct));
  table.add("match", std::move(match));
  table.add("set", std::move(set));
  table.add("strict", std::move(strict));
  table.add("soft_f1", std::move(soft_f1));
  table.add("non_empty", std::move(non_empty));
  if (is_sampled(rows)) {
    table.add("logprob", std::move(logprob));
    table.add("result_hash", std::move(result_hash));
  }
  return table;
}

Table score_choice_rows(std::span<const task::Item> items, std::span<const Json> rows) {
  Strings answer;
  Ints greedy;
  std::size_t width = 4;
  for (const task::Item& item : items) width = std::max(width, item.choices.size());
  store::Matrix logprobs{width, {}};
  for (std::size_t i = 0; i < items.size(); ++i) {
    answer.push_back(field<std::string>(rows[i], "answer"));
    greedy.push_back(field_or<std::int64_t>(rows[i], "greedy", kUnknownGreedy));
    auto values = field_or<std::vector<double>>(rows[i], "choice_logprobs", {});
    values.resize(width, kMissing);
    logprobs.values.insert(logprobs.values.end(), values.begin(), values.end());
  }
  Table table;
  add_ledger(table, items, rows);
  table.add("answer", answer);
  table.add("correct", letters_right(items, answer));
  table.add("choice_logprobs", std::move(logprobs));
  table.add("greedy", std::move(greedy));
  add_corrections(table, items, answer);
  return table;
}

Table score_letter_rows(std::span<const task::Item> items, std::span<const Json> rows) {
  Strings answer, reading;
  Doubles logprob;
  for (std::size_t i = 0; i < items.size(); ++i) {
    // Read again, so that the rules of this version judge rows of an older journal.
    const auto read =
        task::extract_letter(field<std::string>(rows[i], "text"), items[i].choices.size());
    answer.emplace_back(read.letter ? std::string(1, read.letter) : "");
    reading.emplace_back(read.letter ? name_of(read.rule) : name_of(read.found));
    logprob.push_back(field_or<double>(rows[i], "logprob", kMissing));
  }
  Table table;
  add_ledger(table, items, rows);
  add_text(table, rows);
  table.add("answer", answer);
  table.add("correct", letters_right(items, answer));
  table.add("reading", std::move(reading));
  if (is_sampled(rows)) table.add("logprob", std::move(logprob));
  add_corrections(table, items, answer);
  return table;
}

}  // namespace tradeoff::study
