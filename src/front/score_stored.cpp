#include "score_stored.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <ostream>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/stats/samples.hpp"
#include "tradeoff/store/item_columns.hpp"
#include "tradeoff/store/predictions_file.hpp"
#include "tradeoff/store/run_columns.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::front {
namespace {

namespace column = store::column;
namespace item_column = store::item_column;

using store::Strings;

constexpr std::size_t kShownIds = 8;

bool is_number(const std::string& id) {
  return !id.empty() && id.size() < 18 &&
         std::ranges::all_of(id, [](unsigned char c) { return c >= '0' && c <= '9'; }) &&
         (id == "0" || id.front() != '0');
}

std::vector<sql::ScoredRow> rows_of(const store::Table& items, const store::Table& answers) {
  const auto &id = items.at(item_column::kId), &db_id = items.at(item_column::kDatabase),
             &query = items.at(item_column::kQuery);
  const Strings &sql = answers.at(column::kSql), &text = answers.at(column::kText);
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
    if (items.has(item_column::kQuery)) tasks.push_back(name);
  }
  return tasks;
}

std::int8_t flag(std::optional<bool> value) {
  return value ? (*value ? 1 : 0) : -1;
}

void print_changes(const std::vector<sql::ScoredRow>& rows, const store::Table& answers,
                   std::ostream& out) {
  if (rows.empty() || !rows.front().verdict.exec) return;
  const auto& stored = answers.at(column::kExec);
  std::vector<std::string> changed;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (flag(rows[i].verdict.exec) != stored[i]) changed.push_back(rows[i].id);
  out << fmt::format("exec differs from the stored verdict in {} of {} rows", changed.size(),
                     rows.size());
  for (std::size_t i = 0; i < std::min(changed.size(), kShownIds); ++i)
    out << (i ? " " : ": ") << changed[i];
  out << (changed.size() > kShownIds ? " ...\n" : "\n");
}

// Adds a sample's verdicts to a table of one seed.
void add_sample(stats::ScoreTable& table, const std::vector<sql::ScoredRow>& rows,
                const store::Table& answers, std::size_t sample) {
  stats::SampleColumns& to = table.samples;
  const std::size_t cells = rows.size() * to.count;
  to.scores.resize(cells);
  to.groups.resize(cells);
  to.logprobs.resize(cells);
  const auto& logprob = answers.at(column::kLogprob);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const sql::Verdict& verdict = rows[i].verdict;
    const std::size_t at = i * to.count + sample;
    if (verdict.exec) to.scores[at] = *verdict.exec ? 1.0 : 0.0;
    to.groups[at] = verdict.result_hash.empty() ? 0 : stats::answer_code(verdict.result_hash);
    to.logprobs[at] = logprob[i];
    if (verdict.outcome == sql::Outcome::gold_error) table.gold_error[i] = 1;
  }
}

stats::ScoreTable empty_table(const store::RunKey& key, const store::Table& items,
                              std::size_t samples) {
  stats::ScoreTable table;
  table.arm = key.arm;
  table.task = key.task;
  table.items = items.at(item_column::kId);
  table.clusters = items.at(item_column::kDatabase);
  table.gold_error.resize(items.rows());
  table.seeds = {key.seed};
  table.scores.resize(items.rows());
  table.samples.count = samples;
  return table;
}

// Votes and pass@k by the verdicts of now.
void print_votes(const stats::ScoreTable& table, std::ostream& out) {
  const auto summary = stats::summarize_samples(table);
  if (!summary || summary->pass_at.empty()) return;
  out << fmt::format(
      "{} samples: one {:.3f}, vote {:.3f}, vote by probability {:.3f}, any {:.3f}, "
      "agreement {:.3f}\n",
      summary->samples, summary->pass_at.front(), summary->vote, summary->vote_weighted,
      summary->pass_at.back(), summary->agreement);
  for (std::size_t k = 1; k <= summary->pass_at.size(); ++k)
    out << fmt::format("{}pass@{} {:.3f}", k == 1 ? "" : ", ", k, summary->pass_at[k - 1]);
  out << '\n';
}

Json row_json(const sql::ScoredRow& row, const store::RunKey& key, bool several_tasks) {
  Json json = sql::to_json(row);
  json["arm"] = key.arm;
  json["seed"] = key.seed;
  if (several_tasks) json["task"] = key.task;
  return json;
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
    check(!stored.items.at(task).has(item_column::kAlsoRight),
          fmt::format("{}: {} has several right queries a question, which only `run` judges by",
                      options.pred.string(), task));
  std::vector<std::string> left = arms;
  std::string lines;
  std::vector<sql::ScoredRow> all;
  for (const auto& [key, run] : stored.runs) {
    if (std::ranges::find(tasks, key.task) == tasks.end()) continue;
    if (!arms.empty() && std::ranges::find(arms, key.arm) == arms.end()) continue;
    std::erase(left, key.arm);
    const store::Table& items = stored.items.at(key.task);
    stats::ScoreTable votes = empty_table(key, items, run.samples());
    sql::ScoreFilesOptions scoring = options;
    scoring.result_hash = run.sampled();
    for (std::size_t k = 0; k < run.samples(); ++k) {
      std::vector<sql::ScoredRow> rows = rows_of(items, run.sample(k));
      out << fmt::format("arm {}, seed {}{}: {} questions{}\n", key.arm, key.seed,
                         run.sampled() ? fmt::format(", sample {}", k) : "", rows.size(),
                         tasks.size() > 1 ? " of " + key.task : "");
      sql::score_and_print(scoring, rows, out);
      print_changes(rows, run.sample(k), out);
      out << '\n';
      if (run.sampled()) add_sample(votes, rows, run.sample(k), k);
      for (const sql::ScoredRow& row : rows) {
        Json json = row_json(row, key, tasks.size() > 1);
        if (run.sampled()) json[std::string(column::kSample.name)] = k;
        lines += to_line(json) + "\n";
      }
      std::move(rows.begin(), rows.end(), std::back_inserter(all));
    }
    if (run.sampled()) {
      print_votes(votes, out);
      out << '\n';
    }
  }
  for (const std::string& arm : left)
    fail(fmt::format("{}: no queries of arm \"{}\"", options.pred.string(), arm));
  if (!options.out.empty()) write_atomically(options.out, lines);
  sql::check_scored(all, options.db);
}

}  // namespace tradeoff::front
