#include "tradeoff/study/items_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/sql/sandbox/result_text.hpp"

namespace tradeoff::study {
namespace {

using store::Ints;
using store::Strings;
using store::Table;

void add_label(Table& table, std::span<const task::Item> items, const std::string& name) {
  if (name.empty()) return;
  Strings labels;
  for (const task::Item& item : items) labels.push_back(item.label);
  table.add(name, std::move(labels));
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

}  // namespace tradeoff::study
