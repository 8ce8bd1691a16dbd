#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "all_commands.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind_task.hpp"
#include "tradeoff/sql/result_text.hpp"
#include "tradeoff/sql/score.hpp"
#include "tradeoff/task/extract.hpp"
#include "tradeoff/task/item.hpp"
#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::app {
namespace {

struct ShowOptions {
  // Items file, and the id of the item to show.
  std::filesystem::path items;
  std::string id;
  task::Purpose task = task::Purpose::spider;
  // Model folder or tokenizer: shows the prompt's tokens.
  std::filesystem::path model;
  // Predictions of `predict`: shows the answer.
  std::filesystem::path pred;
  // Databases and tables.json: run gold and predicted SQL.
  std::filesystem::path db, table;
  // Rows of a result that are shown.
  std::size_t rows = 10;
};

void heading(std::string_view text) {
  fmt::print("\n== {}\n", text);
}

task::Item find_item(const ShowOptions& options) {
  for (task::Item& item : task::read_items(options.items, options.task))
    if (task::id_text(item.id) == options.id) return std::move(item);
  fail(fmt::format("{}: no item with the id {}", options.items.string(), options.id));
}

std::optional<Json> find_prediction(const ShowOptions& options) {
  if (options.pred.empty()) return std::nullopt;
  std::optional<Json> found;
  for_each_json_line(options.pred, [&](Json& row, std::size_t) {
    if (row.contains("id") && task::id_text(row["id"]) == options.id) found = row;
  });
  if (!found)
    fail(fmt::format("{}: no prediction with the id {}", options.pred.string(), options.id));
  return found;
}

// One token a line: its id and its bytes as a JSON string, so that blanks and breaks can be seen.
void print_tokens(const text::Tokenizer& tokenizer, const std::vector<text::TokenId>& ids) {
  for (std::size_t i = 0; i < ids.size(); ++i)
    fmt::print("{:>6} {:>7} {}\n", i, ids[i],
               to_line(Json(std::string(tokenizer.token_bytes(ids[i])))));
}

void print_prompt(const ShowOptions& options, const task::Item& item) {
  heading("prompt");
  fmt::print("{}\n", item.prompt);
  if (item.skipped) fmt::print("(skipped: {})\n", item.overflow);
  if (options.model.empty()) return;
  const text::Tokenizer tokenizer = text::load_tokenizer(options.model);
  const auto ids = item.prompt_ids.empty() ? tokenizer.encode(item.prompt, text::Specials::parse)
                                           : item.prompt_ids;
  heading(fmt::format("{} prompt tokens{}", ids.size(),
                      item.prompt_ids.empty() ? "" : ", as the row's prompt_ids say"));
  print_tokens(tokenizer, ids);
}

void print_side_by_side(const sql::Result& gold, const sql::Result& predicted, std::size_t most) {
  constexpr std::size_t kWidest = 60;
  auto left = sql::result_lines(gold, most), right = sql::result_lines(predicted, most);
  left.insert(left.begin(), "gold result");
  right.insert(right.begin(), "predicted result");
  std::size_t width = 0;
  for (const std::string& line : left) width = std::max(width, std::min(line.size(), kWidest));
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i)
    fmt::print("{:<{}} | {}\n", i < left.size() ? left[i] : "", width,
               i < right.size() ? right[i] : "");
}

std::string mark(std::optional<bool> verdict) {
  return verdict ? *verdict ? "right" : "wrong" : "not judged";
}

void print_sql(const ShowOptions& options, const task::Item& item, const Json& row) {
  const std::string text = field_or<std::string>(row, "text", "");
  const std::string sql = field_or<std::string>(row, "sql", task::extract_sql(text).sql);
  heading("predicted SQL");
  fmt::print("{}\n", sql.empty() ? "(no statement in the answer)" : sql);
  if (options.db.empty()) return;
  sql::Scorer scorer(options.db, options.table);
  const std::string& judged = sql.empty() ? text : sql;
  heading("results");
  print_side_by_side(scorer.run(item.db_id, item.query), scorer.run(item.db_id, judged),
                     options.rows);
  const sql::Verdict verdict = scorer.score(item.db_id, item.query, judged);
  heading("verdict");
  fmt::print("exec {}, exec_keep_distinct {}, set {}, strict {}, match {}\n", mark(verdict.exec),
             mark(verdict.exec_keep_distinct), mark(verdict.set), mark(verdict.strict),
             mark(verdict.match));
  fmt::print("outcome {}{}{}\n", sql::name_of(verdict.outcome),
             verdict.error_class.empty() ? "" : ", " + verdict.error_class,
             verdict.message.empty() ? "" : ": " + verdict.message);
}

void print_choices(const task::Item& item, const Json& row) {
  heading("choices");
  const auto values = field<std::vector<double>>(row, "choice_logprobs");
  for (std::size_t i = 0; i < item.choices.size() && i < values.size(); ++i)
    fmt::print("{:>10.4f} {}\n", values[i], to_line(Json(item.choices[i])));
  fmt::print("answer {}, right {}\n", field<std::string>(row, "answer"), item.answer);
}

void show(const ShowOptions& options) {
  const task::Item item = find_item(options);
  const std::optional<Json> row = find_prediction(options);
  fmt::print("item {}\n", options.id);
  for (const auto& [name, value] :
       {std::pair{"database", item.db_id}, {"subject", item.subject}, {"question", item.question}})
    if (!value.empty()) fmt::print("{}: {}\n", name, value);
  print_prompt(options, item);
  if (!item.query.empty()) {
    heading("gold SQL");
    fmt::print("{}\n", item.query);
  }
  if (!row) return;
  if (options.task == task::Purpose::mmlu) return print_choices(item, *row);
  heading("answer");
  fmt::print("{}\n({} tokens, finish {})\n", field_or<std::string>(*row, "text", ""),
             row->contains("token_ids") ? row->at("token_ids").size() : 0,
             field_or<std::string>(*row, "finish", "?"));
  print_sql(options, item, *row);
}

void bind(config::Table& table, ShowOptions& options) {
  table.add("items", &options.items, "Items, JSONL, as `prepare` writes them", {"input"})
      .required()
      .placeholder("F.jsonl");
  table.add("id", &options.id, "The item to show").required().placeholder("ID");
  table.add_choice("task", &options.task,
                   config::Names<task::Purpose>{{"spider", task::Purpose::spider},
                                                {"mmlu", task::Purpose::mmlu}},
                   "What kind of items they are");
  table.add("model", &options.model, "Model folder or tokenizer: show the prompt's tokens")
      .placeholder("DIR");
  table.add("pred", &options.pred, "Predictions of `predict`: show the answer")
      .placeholder("P.jsonl");
  table.add("db", &options.db, "Folder of the databases: run gold and predicted SQL")
      .placeholder("DIR");
  table.add("table", &options.table, "tables.json: exact match, and names in suggestions")
      .placeholder("F.json");
  table.add("rows", &options.rows, "Most rows of a result that are shown").at_least(0);
}

}  // namespace

Work parse_show(Words words) {
  auto options = std::make_shared<ShowOptions>();
  config::Table table;
  bind(table, *options);
  if (!config::parse_command_line(
          {"show", "One item: prompt, token ids, answer, SQL results side by side."}, table, words))
    return {};
  return {[options](const comm::Session& session) {
    if (session.rank() == 0) show(*options);
    return kComplete;
  }};
}

}  // namespace tradeoff::app
