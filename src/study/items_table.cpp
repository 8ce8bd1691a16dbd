#include "tradeoff/study/items_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/sql/sandbox/result_text.hpp"
#include "tradeoff/store/item_columns.hpp"

namespace tradeoff::study {
namespace {

using store::column_from;
using store::Ints;
using store::Strings;
using store::Table;
namespace item_column = store::item_column;
using task::Item;

std::string id_of(const Item& item) {
  return task::id_text(item.id);
}

// "A. text", a line each.
std::string choice_lines(const Item& item) {
  std::string lines;
  for (std::size_t i = 0; i < item.choice_texts.size(); ++i) {
    lines += fmt::format("{}{}. {}", i == 0 ? "" : "\n", static_cast<char>('A' + i),
                         item.choice_texts[i]);
  }
  return lines;
}

void add_label(Table& table, std::span<const task::Item> items, const std::string& name) {
  if (!name.empty()) table.add(name, column_from<Strings>(items, &Item::label));
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
        fmt::format("{}: nothing could be scored: every gold query fails\n{}",
                    scorer.databases(questions.front().db_id).front().string(), text));
  log::warn("{} of {} gold queries fail; their questions are not counted\n{}", failed.size(),
            questions.size(), text);
}

Table sql_items_table(std::span<const task::Item> items, sql::Scorer& scorer,
                      const std::string& label) {
  const auto gold_rows = [&](const Item& item) {
    return sql::result_preview(scorer.run(item.db_id, item.query));
  };
  Table table;
  table.add(item_column::kId, column_from<Strings>(items, id_of));
  table.add(item_column::kDatabase, column_from<Strings>(items, &Item::db_id));
  table.add(item_column::kQuestion, column_from<Strings>(items, &Item::question));
  table.add(item_column::kQuery, column_from<Strings>(items, &Item::query));
  table.add(item_column::kHardness, column_from<Strings>(items, &Item::hardness));
  table.add(item_column::kSchema, column_from<Strings>(items, &Item::schema));
  table.add(item_column::kGoldResult, column_from<Strings>(items, gold_rows));
  table.add(item_column::kSplitSize, column_from<Ints>(items, &Item::split_size));
  add_label(table, items, label);
  if (std::ranges::any_of(items, [](const auto& item) { return !item.also_right.empty(); })) {
    const auto others = [](const Item& item) { return to_line(Json(item.also_right)); };
    table.add(item_column::kAlsoRight, column_from<Strings>(items, others));
  }
  return table;
}

Table choice_items_table(std::span<const task::Item> items, const std::string& label) {
  Table table;
  table.add(item_column::kId, column_from<Strings>(items, id_of));
  table.add(item_column::kSubject, column_from<Strings>(items, &Item::subject));
  table.add(item_column::kGroup, column_from<Strings>(items, &Item::group));
  table.add(item_column::kQuestion, column_from<Strings>(items, &Item::question));
  table.add(item_column::kChoices, column_from<Strings>(items, choice_lines));
  table.add(item_column::kRightChoice, column_from<Strings>(items, &Item::answer));
  table.add(item_column::kSplitSize, column_from<Ints>(items, &Item::split_size));
  add_label(table, items, label);
  return table;
}

}  // namespace tradeoff::study
