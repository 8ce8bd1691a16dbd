#include "tradeoff/report/files/result_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "lm_eval_files.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/report/files/study.hpp"
#include "tradeoff/results/reduce.hpp"
#include "tradeoff/sql/files/sample_filter.hpp"
#include "tradeoff/store/item_columns.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::report {
namespace {

namespace item_column = store::item_column;
namespace fs = std::filesystem;
using stats::ScoreTable;

bool is_hdf5(const fs::path& path) {
  if (!fs::is_regular_file(path)) return false;  // a FIFO would wait for its writer
  std::ifstream file(path, std::ios::binary);
  char head[8] = {};
  file.read(head, sizeof head);
  return std::string_view(head, sizeof head) == std::string_view("\x89HDF\r\n\x1a\n", 8);
}

void take_metric(ScoreTable& table, const std::string& metric, const fs::path& path) {
  if (metric.empty()) return;
  std::vector<std::string> names;
  for (stats::MetricScores& m : table.metrics) {
    names.push_back(m.name);
    if (m.name != metric) continue;
    table.scores = m.scores;
    return;
  }
  // Choices have one metric, whatever it is called elsewhere.
  if (table.metrics.empty() && (metric == "acc" || metric == "correct")) return;
  fail(fmt::format("{}: {} has no metric \"{}\"; there are {}", path.string(), table.task, metric,
                   names.empty() ? "acc" : fmt::format("{}", fmt::join(names, ", "))));
}

ResultFile from_hdf5(const fs::path& path, const CompareOptions& options) {
  const fs::path files[] = {path};
  const Study study = read_study(files);
  auto tables = results::score_tables(study.predictions, results::primary_of(study.predictions));
  std::vector<ScoreTable> out;
  for (ScoreTable& table : tables) {
    if (!options.task.empty() && table.task != options.task) continue;
    if (options.key == CompareOptions::Key::question) {
      table.items = study.predictions.items.at(table.task).at(item_column::kQuestion);
    }
    take_metric(table, options.metric, path);
    out.push_back(std::move(table));
  }
  return {ResultFile::Kind::predictions, std::move(out), stored_margins(study.predictions)};
}

// A row of `score --out`.
stats::ResultRow score_row(const Json& row, const CompareOptions& options) {
  if (options.key == CompareOptions::Key::question) {
    fail("rows of `score --out` hold no question; pair them by id");
  }
  stats::ResultRow out;
  out.item = text_of(row.at("id"));
  out.cluster = field<std::string>(row, "db_id");
  out.score = score_of(row, options.metric.empty() ? "exec" : options.metric);
  return out;
}

ScoreTable from_rows(const std::vector<fs::path>& files, const fs::path& path,
                     const CompareOptions& options) {
  std::vector<stats::ResultRow> rows;
  std::set<std::string> tasks;
  sql::SampleFilter filter(options.filter);
  for (const fs::path& file : files) {
    for_each_json_line(file, [&](Json& row, std::size_t) {
      if (row.contains("doc_id")) {
        if (!filter.takes(row)) return;
        rows.push_back(sample_row(row, file, options));
        tasks.insert(sample_kind(row, file));
      } else if (row.contains("id") && row.contains("db_id") && row.contains("outcome")) {
        rows.push_back(score_row(row, options));
        tasks.insert(task::default_task(task::Kind::sql).name);
      } else {
        fail(
            "neither a row of `tradeoff score --out` (id, db_id, outcome) nor an lm-eval sample "
            "(doc_id); official predictions are scored first: tradeoff score --gold G --pred P "
            "--db "
            "D --out ROWS.jsonl");
      }
    });
  }
  filter.finish(path.string());
  check(!rows.empty(), path.string() + ": no row in it");
  check(tasks.size() == 1, fmt::format("{}: rows of several tasks ({}); one is expected",
                                       path.string(), fmt::join(tasks, ", ")));
  try {
    return stats::table_from_rows(path.stem().string(), *tasks.begin(), rows);
  } catch (const Error& error) {
    fail(path.string() + ": " + error.what());
  }
}

}  // namespace

ResultFile read_results(const fs::path& path, const CompareOptions& options) {
  using Kind = ResultFile::Kind;
  if (fs::is_directory(path)) {
    if (fs::exists(path / "predictions.h5")) {
      return from_hdf5(path / "predictions.h5", options);
    }
    std::vector<ScoreTable> tables;
    // A task a table: the subjects of a task of choices are one task.
    for (const auto& [task, of_task] : sample_files(path)) {
      ScoreTable table = from_rows(of_task, path, options);
      if (options.task.empty() || table.task == options.task) tables.push_back(std::move(table));
    }
    return {Kind::rows, std::move(tables), {}};
  }
  if (!fs::exists(path)) fail(path.string() + ": no such file");
  if (path.extension() == ".h5" || is_hdf5(path)) {
    return from_hdf5(path, options);
  }
  return {Kind::rows, {from_rows({path}, path, options)}, {}};
}

}  // namespace tradeoff::report
