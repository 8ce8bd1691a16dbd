#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "all_commands.hpp"
#include "job_tasks.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/config/arguments.hpp"
#include "tradeoff/config/bind_task.hpp"
#include "tradeoff/report/page/show_question.hpp"
#include "tradeoff/sql/judge/score.hpp"
#include "tradeoff/sql/sandbox/result_text.hpp"
#include "tradeoff/store/run_columns.hpp"
#include "tradeoff/task/extract.hpp"
#include "tradeoff/task/task.hpp"
#include "tradeoff/text/tokenizer.hpp"

namespace tradeoff::app {
namespace {

namespace column = store::column;

struct ShowOptions {
  // A finished study, its folder or predictions.h5: shows a question with every arm's answer.
  std::filesystem::path study;
  report::ShowQuestion question;
  // Without a study: items file, and the id of the item to show.
  std::filesystem::path items;
  std::string id;
  // What kind of items they are, by a task's name: a built-in one, or one of these.
  std::string task = task::default_task(task::Kind::sql).name;
  std::vector<task::Task> own_tasks;
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

task::Kind kind_of(const ShowOptions& options) {
  return task::find_task(options.task, options.own_tasks)->kind;
}

task::Item find_item(const ShowOptions& options) {
  for (task::Item& item : task::read_items(options.items, kind_of(options)))
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
  const std::string text = field_or<std::string>(row, column::kText.name, "");
  const std::string sql =
      field_or<std::string>(row, column::kSql.name, task::extract_sql(text).sql);
  heading("predicted SQL");
  fmt::print("{}\n", sql.empty() ? "(no query in the answer)" : sql);
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
  const auto values = field<std::vector<double>>(row, column::kChoiceLogprobs.name);
  for (std::size_t i = 0; i < item.choices.size() && i < values.size(); ++i)
    fmt::print("{:>10.4f} {}\n", values[i], to_line(Json(item.choices[i])));
  fmt::print("answer {}, right {}\n", field<std::string>(row, column::kAnswer.name), item.answer);
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
  if (kind_of(options) == task::Kind::choice) return print_choices(item, *row);
  heading("answer");
  fmt::print("{}\n({} tokens, finish {})\n", field_or<std::string>(*row, column::kText.name, ""),
             row->contains(column::kTokenIds.name) ? row->at(column::kTokenIds.name).size() : 0,
             field_or<std::string>(*row, column::kFinish.name, "?"));
  print_sql(options, item, *row);
}

void show_study(const ShowOptions& options) {
  std::filesystem::path file = options.study;
  if (std::filesystem::is_directory(file)) file /= "predictions.h5";
  const std::filesystem::path files[] = {file};
  fmt::print("{}", report::show_question(report::read_study(files), options.question));
}

void bind(config::OptionTable& table, ShowOptions& options) {
  table.add("study", &options.study, "Folder of a finished study, or its predictions.h5")
      .placeholder("STUDY");
  table.positional("study");
  table.add("arm", &options.question.arm, "Of a study: this arm's answers alone")
      .placeholder("ARM");
  table.add("seed", &options.question.seed, "Of a study: this seed's answers alone");
  table.add("diff", &options.question.diff,
            "Of a study: mark where an answer's SQL differs from the gold");
  table
      .add("items", &options.items, "Without a study: items, JSONL, as `prepare` writes them",
           {"input"})
      .placeholder("F.jsonl");
  table.add("id", &options.id, "The item to show").required().placeholder("ID");
  table
      .add("task", &options.task,
           "What the items are, by a task's name; of a study: the task that has the question")
      .placeholder("TASK");
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

// A study holds all that it shows; an item needs its file.
void check_together(ShowOptions& options, const config::OptionTable& table) {
  config::Problems problems;
  if (options.study.empty()) {
    if (options.items.empty())
      problems.add("STUDY", "no study, and no --items; expected the folder of a finished study");
    for (const char* name : {"arm", "seed", "diff"})
      if (table.given(name)) problems.add(std::string("--") + name, "is for a study");
    const auto tasks = config::choice_of(config::nameable(options.own_tasks));
    const std::optional<std::string> task = tasks.parse(options.task);
    if (!task)
      problems.add("--task",
                   fmt::format("found \"{}\", expected {}", options.task, tasks.expected));
    options.task = task.value_or(options.task);
  } else {
    for (const char* name : {"items", "model", "pred", "db", "table", "rows"})
      if (table.given(name))
        problems.add(std::string("--") + name, "is for an item of --items, not for a study");
    options.question.id = options.id;
    if (table.given("task")) options.question.task = options.task;
  }
  problems.throw_if_any();
}

}  // namespace

Work parse_show(Words words) {
  auto options = std::make_shared<ShowOptions>();
  config::Problems problems;
  options->own_tasks = tasks_of_files(words, problems);
  std::vector<std::filesystem::path> task_files;
  config::OptionTable table;
  bind(table, *options);
  bind_task_files(table, task_files);
  if (!config::parse_command_line(
          {"show",
           "One question of a study with every arm's answer, or one item: prompt, token ids, "
           "answer, SQL results side by side.",
           "tradeoff show results/demo --id 17 --diff"},
          table, words, std::move(problems)))
    return {};
  check_together(*options, table);
  if (!options->study.empty())
    return {[options](const comm::Session& session) {
      if (session.rank() == 0) show_study(*options);
      return front::kComplete;
    }};
  return {[options](const comm::Session& session) {
    if (session.rank() == 0) show(*options);
    return front::kComplete;
  }};
}

}  // namespace tradeoff::app
