#include <fmt/format.h>

#include "grids/grid.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/report/export/exports.hpp"

namespace tradeoff::report {
namespace {

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
  for (const auto& [arm, classes] : analysis.classes) {
    for (const auto& [name, count] : classes) rows.push_back({arm, name, std::to_string(count)});
  }
  return to_csv({"arm", "class", "rows"}, rows);
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

std::string flag_text(const store::Table& rows, const char* name, std::size_t row) {
  if (!rows.has(name)) return "";
  const std::int8_t flag = rows.at<store::Flags>(name)[row];
  return flag < 0 ? "" : std::to_string(flag);
}

// A line a question, arm and seed: what most questions of one's own begin with.
std::string questions_csv(const Study& study, const Analysis& analysis) {
  using store::Strings;
  const std::vector<std::string> flags = {"exec", "exec_keep_distinct", "match", "set", "strict"};
  std::vector<std::vector<std::string>> lines;
  for (const auto& [key, run] : study.predictions.runs) {
    const store::Table& items = study.predictions.items.at(key.task);
    const task::Kind kind = analysis.task(key.task).kind;
    const task::Columns columns = task::columns_of(kind);
    const char* metric = kind == task::Kind::sql ? study::name_of(analysis.primary) : "correct";
    const auto text = [&](const store::Table& table, const char* name, std::size_t i) {
      return table.has(name) ? table.at<Strings>(name)[i] : "";
    };
    for (std::size_t i = 0; i < items.rows(); ++i) {
      std::vector<std::string> line = {key.task,
                                       text(items, "id", i),
                                       text(items, columns.cluster, i),
                                       text(items, columns.level, i),
                                       key.arm,
                                       std::to_string(key.seed),
                                       flag_text(run.rows, metric, i)};
      for (const std::string& flag : flags) line.push_back(flag_text(run.rows, flag.c_str(), i));
      for (const char* name : {"outcome", "error_class"}) line.push_back(text(run.rows, name, i));
      line.push_back(text(run.rows, columns.answer, i));
      lines.push_back(std::move(line));
    }
  }
  std::vector<std::string> head = {"task", "id", "cluster", "level", "arm", "seed", "correct"};
  head.insert(head.end(), flags.begin(), flags.end());
  for (const char* name : {"outcome", "error_class", "answer"}) head.emplace_back(name);
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
