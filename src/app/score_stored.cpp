#include "score_stored.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <ostream>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/store/predictions_file.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::app {
namespace {

using store::Flags;
using store::Strings;

constexpr std::size_t kShownIds = 8;

bool is_number(const std::string& id) {
  return !id.empty() && id.size() < 18 &&
         std::ranges::all_of(id, [](unsigned char c) { return c >= '0' && c <= '9'; }) &&
         (id == "0" || id.front() != '0');
}

std::vector<sql::ScoredRow> rows_of(const store::Table& items, const store::Table& answers) {
  const auto &id = items.at<Strings>("id"), &db_id = items.at<Strings>("db_id"),
             &query = items.at<Strings>("query");
  const auto &sql = answers.at<Strings>("sql"), &text = answers.at<Strings>("text");
  std::vector<sql::ScoredRow> rows(items.rows());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].id = id[i];
    rows[i].id_is_number = is_number(id[i]);
    rows[i].db_id = db_id[i];
    rows[i].gold = query[i];
    // An answer without a statement is judged whole, so that blank and prose are told apart.
    rows[i].prediction = sql[i].empty() ? text[i] : sql[i];
    rows[i].turn = static_cast<int>(i);
  }
  return rows;
}

// Tasks of the file whose answers are queries.
std::vector<std::string> sql_tasks_of(const store::Predictions& stored) {
  std::vector<std::string> tasks;
  for (const auto& [name, items] : stored.items) {
    if (items.has(task::columns_of(task::Kind::sql).gold)) tasks.push_back(name);
  }
  return tasks;
}

std::int8_t flag(std::optional<bool> value) {
  return value ? (*value ? 1 : 0) : -1;
}

void print_changes(const std::vector<sql::ScoredRow>& rows, const store::Table& answers,
                   std::ostream& out) {
  if (rows.empty() || !rows.front().verdict.exec) return;
  const auto& stored = answers.at<Flags>("exec");
  std::vector<std::string> changed;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (flag(rows[i].verdict.exec) != stored[i]) changed.push_back(rows[i].id);
  out << fmt::format("exec differs from the stored verdict in {} of {} rows", changed.size(),
                     rows.size());
  for (std::size_t i = 0; i < std::min(changed.size(), kShownIds); ++i)
    out << (i ? " " : ": ") << changed[i];
  out << (changed.size() > kShownIds ? " ...\n" : "\n");
}

}  // namespace

bool is_stored(const std::filesystem::path& predictions) {
  return predictions.extension() == ".h5" || predictions.extension() == ".hdf5";
}

void score_stored(const sql::ScoreFilesOptions& options, const std::vector<std::string>& arms,
                  std::ostream& out) {
  const store::Predictions stored = store::read_predictions(options.pred);
  const std::vector<std::string> tasks = sql_tasks_of(stored);
  check(!tasks.empty(),
        fmt::format("{}: expected questions with a query, found none", options.pred.string()));
  for (const std::string& task : tasks)
    check(!stored.items.at(task).has("also_right"),
          fmt::format("{}: {} has several right queries a question, which only `run` judges by",
                      options.pred.string(), task));
  std::vector<std::string> left = arms;
  std::string lines;
  std::vector<sql::ScoredRow> all;
  for (const auto& [key, run] : stored.runs) {
    if (std::ranges::find(tasks, key.task) == tasks.end()) continue;
    if (!arms.empty() && std::ranges::find(arms, key.arm) == arms.end()) continue;
    std::erase(left, key.arm);
    std::vector<sql::ScoredRow> rows = rows_of(stored.items.at(key.task), run.rows);
    out << fmt::format("arm {}, seed {}: {} questions{}\n", key.arm, key.seed, rows.size(),
                       tasks.size() > 1 ? " of " + key.task : "");
    sql::score_and_print(options, rows, out);
    print_changes(rows, run.rows, out);
    out << '\n';
    for (const sql::ScoredRow& row : rows) {
      Json json = sql::to_json(row);
      json["arm"] = key.arm;
      json["seed"] = key.seed;
      if (tasks.size() > 1) json["task"] = key.task;
      lines += to_line(json) + "\n";
    }
    std::move(rows.begin(), rows.end(), std::back_inserter(all));
  }
  for (const std::string& arm : left)
    fail(fmt::format("{}: no queries of arm \"{}\"", options.pred.string(), arm));
  if (!options.out.empty()) write_atomically(options.out, lines);
  sql::check_scored(all);
}

}  // namespace tradeoff::app
