#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "grids/grid.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/report/export/exports.hpp"
#include "tradeoff/results/item_roles.hpp"

namespace tradeoff::report {
namespace {

namespace column = store::column;
namespace item_column = store::item_column;

std::string number(double value) {
  return fmt::format("{}", value);
}

std::string number(const std::optional<double>& value) {
  return value ? number(*value) : "";
}

std::optional<double> se_of(const std::optional<stats::StandardError>& error) {
  return error ? std::optional(error->se) : std::nullopt;
}

void add_interval(std::vector<std::string>& row, const std::optional<stats::Interval>& interval) {
  row.push_back(interval ? number(interval->low) : "");
  row.push_back(interval ? number(interval->high) : "");
}

void add_error(std::vector<std::string>& row, const std::optional<stats::StandardError>& error) {
  row.push_back(number(se_of(error)));
  add_interval(row, error ? std::optional(error->ci95) : std::nullopt);
}

std::string accuracy_csv(const Analysis& analysis) {
  std::vector<std::vector<std::string>> rows;
  for (const stats::TaskSummary& s : analysis.summary.arms) {
    std::vector<std::string> row = {s.arm,
                                    s.task,
                                    std::to_string(s.n),
                                    std::to_string(s.items),
                                    std::to_string(s.seeds),
                                    std::to_string(s.clusters),
                                    number(s.accuracy.mean)};
    add_interval(row, s.ci95);
    add_error(row, s.accuracy.cluster);
    add_error(row, s.accuracy.items_and_seeds);
    row.push_back(number(s.accuracy.seed_sd));
    rows.push_back(std::move(row));
  }
  return to_csv(
      {"arm", "task", "n", "items", "seeds", "clusters", "accuracy", "ci95_low", "ci95_high",
       "se_cluster", "ci95_cluster_low", "ci95_cluster_high", "se_items_and_seeds",
       "ci95_items_and_seeds_low", "ci95_items_and_seeds_high", "seed_sd"},
      rows);
}

std::string pairs_csv(const Analysis& analysis) {
  std::vector<std::vector<std::string>> rows;
  for (const stats::PairSummary& p : analysis.summary.pairs) {
    std::vector<std::string> row = {
        p.task, p.a, p.b, std::to_string(p.items), std::to_string(p.seeds), number(p.delta.mean)};
    const auto& told = p.delta.told();
    add_interval(row, told ? std::optional(told->ci95) : std::nullopt);
    for (const auto& value : {told ? std::optional(told->df) : std::nullopt, p.p, p.holm_p}) {
      row.push_back(number(value));
    }
    const auto& test = p.noninferiority;
    row.push_back(test ? number(test->margin) : "");
    row.push_back(test ? number(test->p) : "");
    add_error(row, p.delta.cluster);
    add_error(row, p.delta.items_and_seeds);
    add_interval(row, p.delta.bootstrap95);
    for (const std::uint64_t n : {p.n01, p.n10}) row.push_back(std::to_string(n));
    for (const auto& value : {p.mcnemar_p, p.flip_rate, p.answer_change_rate}) {
      row.push_back(number(value));
    }
    rows.push_back(std::move(row));
  }
  return to_csv({"task",
                 "a",
                 "b",
                 "items",
                 "seeds",
                 "delta",
                 "ci95_low",
                 "ci95_high",
                 "df",
                 "p",
                 "holm_p",
                 "margin",
                 "noninferiority_p",
                 "se_cluster",
                 "ci95_cluster_low",
                 "ci95_cluster_high",
                 "se_items_and_seeds",
                 "ci95_items_and_seeds_low",
                 "ci95_items_and_seeds_high",
                 "ci95_bootstrap_low",
                 "ci95_bootstrap_high",
                 "n01",
                 "n10",
                 "mcnemar_p",
                 "flip_rate",
                 "answer_change_rate"},
                rows);
}

std::string groups_csv(const Analysis& analysis) {
  std::vector<std::vector<std::string>> rows;
  for (const Grouping& grouping : analysis.groupings) {
    for (const auto& [arm, groups] : grouping.by_arm) {
      for (const stats::GroupAccuracy& g : groups) {
        std::vector<std::string> row = {grouping.task, grouping.name,           g.label,
                                        arm,           std::to_string(g.items), number(g.accuracy)};
        add_interval(row, g.ci95);
        rows.push_back(std::move(row));
      }
    }
  }
  return to_csv({"task", "grouping", "label", "arm", "items", "accuracy", "ci95_low", "ci95_high"},
                rows);
}

std::string errors_csv(const Analysis& analysis) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [task, errors] : analysis.errors)
    for (const auto& [arm, classes] : errors.classes)
      for (const auto& [name, count] : classes)
        rows.push_back({task, arm, name, std::to_string(count)});
  return to_csv({"task", "arm", "class", "rows"}, rows);
}

std::string cost_csv(const Analysis& analysis) {
  std::vector<std::vector<std::string>> rows;
  for (const ArmLedger& c : analysis.costs) {
    rows.push_back({c.arm, std::to_string(c.cells), number(c.train_s), number(c.predict_s),
                    number(c.device_hours), std::to_string(c.tokens), number(c.tokens_per_s),
                    number(c.peak_gib), std::to_string(c.starts), std::to_string(c.cut_starts),
                    number(c.redone_s)});
  }
  return to_csv({"arm", "cells", "train_s", "predict_s", "device_hours", "tokens", "tokens_per_s",
                 "peak_gib", "starts", "cut_starts", "redone_s"},
                rows);
}

std::string text(const store::Table& table, std::string_view name, std::size_t row) {
  return table.has(name) ? table.at<store::Strings>(name)[row] : "";
}

std::string logprob_text(const store::Table& rows, std::size_t row) {
  if (!rows.has(column::kLogprob)) return "";
  const double value = rows.at(column::kLogprob)[row];
  return std::isnan(value) ? "" : number(value);
}

std::string flag_text(const store::Table& rows, const store::RunColumn<store::Flags>& column,
                      std::size_t row) {
  if (!rows.has(column)) return "";
  const std::int8_t flag = rows.at(column)[row];
  return flag < 0 ? "" : std::to_string(flag);
}

// The cells of one answer: verdicts, what became of it, the answer.
std::vector<std::string> answer_cells(const store::Table& rows, task::Kind kind,
                                      results::Primary primary, std::size_t i) {
  std::vector<std::string> cells = {flag_text(rows, results::right_column(kind, primary), i)};
  for (const auto& verdict : column::kVerdicts) cells.push_back(flag_text(rows, verdict, i));
  for (const auto& column : {column::kOutcome, column::kErrorClass, results::answer_column(kind)})
    cells.push_back(text(rows, column.name, i));
  return cells;
}

// A line a question, arm and seed, and sample where any arm has some: what most questions of one's
// own begin with.
std::string questions_csv(const Study& study, const Analysis& analysis) {
  const bool sampled = !analysis.sampling.empty();
  std::vector<std::vector<std::string>> lines;
  for (const auto& [key, run] : study.predictions.runs) {
    const store::Table& items = study.predictions.items.at(key.task);
    const task::Kind kind = analysis.task(key.task).kind;
    const results::ItemRoles roles = results::roles_of(kind);
    for (std::size_t i = 0; i < items.rows(); ++i) {
      for (std::size_t k = 0; k < run.samples(); ++k) {
        std::vector<std::string> line = {key.task,
                                         text(items, item_column::kId.name, i),
                                         text(items, roles.cluster.name, i),
                                         text(items, roles.level.name, i),
                                         key.arm,
                                         std::to_string(key.seed)};
        if (sampled) line.push_back(run.sampled() ? std::to_string(k) : "");
        for (std::string& cell : answer_cells(run.sample(k), kind, analysis.primary, i))
          line.push_back(std::move(cell));
        if (sampled) line.push_back(logprob_text(run.sample(k), i));
        lines.push_back(std::move(line));
      }
    }
  }
  std::vector<std::string> head = {"task", "id", "cluster", "level", "arm", "seed"};
  if (sampled) head.emplace_back(column::kSample.name);
  head.emplace_back(column::kCorrect.name);
  for (const auto& verdict : column::kVerdicts) head.emplace_back(verdict.name);
  for (const auto& column : {column::kOutcome, column::kErrorClass, column::kAnswer})
    head.emplace_back(column.name);
  if (sampled) head.emplace_back(column::kLogprob.name);
  return to_csv(head, lines);
}

}  // namespace

void export_tables(const std::filesystem::path& folder, const Study& study,
                   const Analysis& analysis) {
  std::filesystem::create_directories(folder);
  write_atomically(folder / "accuracy.csv", accuracy_csv(analysis));
  write_atomically(folder / "pairs.csv", pairs_csv(analysis));
  write_atomically(folder / "groups.csv", groups_csv(analysis));
  write_atomically(folder / "errors.csv", errors_csv(analysis));
  write_atomically(folder / "cost.csv", cost_csv(analysis));
  write_atomically(folder / "questions.csv", questions_csv(study, analysis));
}

}  // namespace tradeoff::report
