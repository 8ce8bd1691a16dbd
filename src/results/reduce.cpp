#include "tradeoff/results/reduce.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "tradeoff/base/error.hpp"
#include "tradeoff/results/item_roles.hpp"
#include "tradeoff/task/own.hpp"

namespace tradeoff::results {
namespace {

using store::Flags;
using store::Strings;

namespace column = store::column;
namespace item_column = store::item_column;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

std::optional<double> score_at(const store::Table& rows, const store::RunColumn<Flags>& metric,
                               std::size_t i) {
  const std::int8_t flag = rows.at(metric)[i];
  return flag < 0 ? std::nullopt : std::optional<double>(flag);
}

std::optional<double> score_at(const store::Table& rows,
                               const store::RunColumn<store::Doubles>& metric, std::size_t i) {
  const double value = rows.at(metric)[i];
  return std::isnan(value) ? std::nullopt : std::optional<double>(value);
}

// The runs of one arm and task, by ascending seed.
using Runs = std::vector<std::pair<std::uint64_t, const store::Run*>>;

// Of a job's own task: nothing that questions could be sampled within.
bool is_one_cluster(const store::Table& items, task::Kind kind) {
  const Strings& clusters = items.at(roles_of(kind).cluster);
  return std::ranges::all_of(clusters, [&](const auto& one) { return one == clusters.front(); });
}

// The mean of a metric over the samples of an item, where any is judged.
template <typename T>
std::optional<double> mean_at(const store::Run& run, const store::RunColumn<T>& metric,
                              std::size_t i) {
  double sum = 0;
  bool any = false;
  for (std::size_t k = 0; k < run.samples(); ++k) {
    const std::optional<double> one = score_at(run.sample(k), metric, i);
    any = any || one.has_value();
    sum += one.value_or(0);
  }
  return any ? std::optional(sum / static_cast<double>(run.samples())) : std::nullopt;
}

// A metric of every item and run, item by item.
template <typename T>
stats::MetricScores metric_scores(const store::RunColumn<T>& metric, const Runs& runs,
                                  std::size_t items) {
  stats::MetricScores scores{std::string(metric.name), {}};
  for (std::size_t i = 0; i < items; ++i)
    for (const auto& [seed, run] : runs) scores.scores.push_back(mean_at(*run, metric, i));
  return scores;
}

// As many samples as every run has.
std::size_t samples_of(const Runs& runs) {
  std::size_t fewest = 0;
  for (const auto& [seed, run] : runs) {
    if (!run->sampled()) return 0;
    fewest = fewest == 0 ? run->samples() : std::min(fewest, run->samples());
  }
  return fewest;
}

void add_samples(stats::SampleColumns& to, const store::Run& run,
                 const store::RunColumn<Flags>& metric, const store::RunColumn<Strings>& group_by,
                 std::size_t i) {
  for (std::size_t k = 0; k < to.count; ++k) {
    const store::Table& rows = run.sample(k);
    to.scores.push_back(score_at(rows, metric, i));
    const std::string& group = rows.at(group_by)[i];
    to.groups.push_back(group.empty() ? 0 : stats::answer_code(group));
    to.logprobs.push_back(rows.at(column::kLogprob)[i]);
  }
}

stats::ScoreTable make_table(const std::string& arm, const task::Task& task,
                             const store::Table& items, const Runs& runs, Primary primary) {
  const bool sql = task.kind == task::Kind::sql;
  const ItemRoles roles = roles_of(task.kind);
  stats::ScoreTable table;
  table.arm = arm;
  table.task = task.name;
  table.items = items.at(item_column::kId);
  table.clusters = items.at(roles.cluster);
  if (!task::find_task(task.name) && is_one_cluster(items, task.kind)) table.clusters = table.items;
  table.strata = items.at(roles.level);
  const std::size_t n = items.rows();
  const store::RunColumn<Flags>& metric = right_column(task.kind, primary);
  const store::RunColumn<Strings>&vote = vote_column(task.kind), &answer = answer_column(task.kind);
  table.samples.count = samples_of(runs);
  if (sql) table.gold_error.resize(n);
  if (sql) {
    for (const auto& verdict : column::kVerdicts)
      table.metrics.push_back(metric_scores(verdict, runs, n));
    table.metrics.push_back(metric_scores(column::kSoftF1, runs, n));
    table.metrics.push_back(metric_scores(column::kNonEmpty, runs, n));
  }
  for (const auto& [seed, run] : runs) table.seeds.push_back(seed);
  for (std::size_t i = 0; i < n; ++i) {
    for (const auto& [seed, run] : runs) {
      table.scores.push_back(mean_at(*run, metric, i));
      add_samples(table.samples, *run, metric, vote, i);
      // Whether sampled answers differ from an arm to another says nothing.
      if (table.samples.count == 0)
        table.answers.push_back(stats::answer_code(run->rows.at(answer)[i]));
      if (sql && run->rows.at(column::kOutcome)[i] == "gold_error") table.gold_error[i] = 1;
    }
  }
  const auto once = runs.front().second->attributes.find("computed_once");
  table.computed_once = runs.size() == 1 && once != runs.front().second->attributes.end();
  return table;
}

}  // namespace

Primary primary_of(const store::Predictions& predictions) {
  const auto study = predictions.config.find("study");
  const std::string name = study == predictions.config.end()
                               ? std::string(name_of(Primary::exec))
                               : field_or(*study, "primary", std::string(name_of(Primary::exec)));
  for (const Primary primary : {Primary::exec, Primary::set, Primary::strict}) {
    if (name == name_of(primary)) return primary;
  }
  fail("study.primary: found \"" + name + "\", expected exec, set or strict");
}

namespace {

// Answers to choices are letters read from a text where the runs hold one.
task::Answer answer_of(const store::Predictions& predictions, const std::string& name) {
  for (const auto& [key, run] : predictions.runs)
    if (key.task == name && run.rows.has(column::kText) && !run.rows.has(column::kSql))
      return task::Answer::letter;
  return task::Answer::choice;
}

}  // namespace

task::Task task_of(const store::Predictions& predictions, const std::string& name) {
  if (const task::Task* known = task::find_task(name)) {
    task::Task task = *known;
    task.answer = answer_of(predictions, name);
    return task;
  }
  const auto own = predictions.config.find("task");
  const auto items = predictions.items.find(name);
  const bool sql = items != predictions.items.end() && items->second.has(item_column::kQuery);
  const bool told = own != predictions.config.end() && own->contains(name);
  task::Task task =
      task::own_task_words(name, sql ? task::Kind::sql : task::Kind::choice,
                           told ? field_or<std::string>((*own)[name], "group", "") : std::string());
  task.answer = answer_of(predictions, name);
  // Questions of one database, or in no groups, are a sample of questions.
  if (items != predictions.items.end() && is_one_cluster(items->second, task.kind)) {
    task.words.cluster = "question";
    task.words.clusters = "questions";
  }
  return task;
}

std::vector<std::string> arm_order(const store::Predictions& predictions) {
  std::vector<std::string> arms;
  const auto add = [&arms](const std::string& name) {
    if (std::ranges::find(arms, name) == arms.end()) arms.push_back(name);
  };
  const auto named = predictions.config.find("arms");
  if (named != predictions.config.end()) {
    for (const auto& [name, record] : named->items()) add(name);
  }
  for (const auto& [key, run] : predictions.runs) add(key.arm);
  return arms;
}

std::vector<std::string> task_order(const store::Predictions& predictions) {
  std::vector<std::string> tasks;
  for (const task::Task& task : task::built_in_tasks()) {
    if (predictions.items.contains(task.name)) tasks.push_back(task.name);
  }
  for (const auto& [name, items] : predictions.items) {
    if (!task::find_task(name)) tasks.push_back(name);
  }
  return tasks;
}

std::vector<stats::ScoreTable> score_tables(const store::Predictions& predictions,
                                            Primary primary) {
  std::map<std::pair<std::string, std::string>, Runs> groups;
  for (const auto& [key, run] : predictions.runs)
    groups[{key.arm, key.task}].emplace_back(key.seed, &run);
  std::vector<stats::ScoreTable> tables;
  for (const std::string& arm : arm_order(predictions)) {
    for (const std::string& name : task_order(predictions)) {
      const auto found = groups.find({arm, name});
      if (found == groups.end()) continue;
      std::ranges::sort(found->second);
      tables.push_back(make_table(arm, task_of(predictions, name), predictions.items.at(name),
                                  found->second, primary));
    }
  }
  return tables;
}

stats::StudySummary reduce_study(const store::Predictions& predictions, Primary primary,
                                 std::span<const stats::TaskFloors> floors) {
  return stats::reduce(score_tables(predictions, primary), floors);
}

static std::string first_sql_task(const store::Predictions& predictions) {
  for (const std::string& name : task_order(predictions)) {
    if (task_of(predictions, name).kind == task::Kind::sql) return name;
  }
  return "";
}

std::vector<ClassCount> error_classes(const store::Predictions& predictions) {
  std::map<std::pair<std::string, std::string>, std::int64_t> counts;
  const std::string task = first_sql_task(predictions);
  for (const auto& [key, run] : predictions.runs) {
    if (key.task != task) continue;
    for (std::size_t k = 0; k < run.samples(); ++k) {
      for (const std::string& name : run.sample(k).at(column::kErrorClass)) {
        if (!name.empty()) ++counts[{key.arm, name}];
      }
    }
  }
  std::vector<ClassCount> classes;
  for (const auto& [key, rows] : counts) classes.push_back({key.first, key.second, rows});
  std::ranges::stable_sort(classes, [](const ClassCount& a, const ClassCount& b) {
    return a.arm != b.arm ? a.arm < b.arm : a.rows > b.rows;
  });
  return classes;
}

namespace {

store::Table floor_table(const stats::StudySummary& summary) {
  Strings task, name;
  store::Ints right, items;
  std::vector<std::string> told;
  for (const stats::TaskSummary& s : summary.arms) {
    if (std::ranges::find(told, s.task) != told.end()) continue;
    told.push_back(s.task);
    for (const stats::Floor& floor : s.floors) {
      task.push_back(s.task);
      name.push_back(floor.name);
      right.push_back(static_cast<std::int64_t>(floor.right));
      items.push_back(static_cast<std::int64_t>(floor.items));
    }
  }
  store::Table table;
  table.add("task", std::move(task));
  table.add("name", std::move(name));
  table.add("right", std::move(right));
  table.add("items", std::move(items));
  return table;
}

}  // namespace

std::vector<stats::TaskFloors> stored_floors(const store::Predictions& predictions) {
  std::vector<stats::TaskFloors> floors;
  const auto found = predictions.summary.find("floors");
  if (found == predictions.summary.end()) {
    for (const auto& [name, items] : predictions.items) {
      if (task_of(predictions, name).kind != task::Kind::choice) continue;
      floors.push_back({name, stats::letter_floors(items.at(item_column::kRightChoice))});
    }
    return floors;
  }
  const store::Table& table = found->second;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const std::string& task = table.at<Strings>("task")[i];
    if (floors.empty() || floors.back().task != task) floors.push_back({task, {}});
    floors.back().floors.push_back({table.at<Strings>("name")[i],
                                    static_cast<std::uint64_t>(table.at<store::Ints>("right")[i]),
                                    static_cast<std::uint64_t>(table.at<store::Ints>("items")[i])});
  }
  return floors;
}

std::map<std::string, store::Table> summary_tables(const store::Predictions& predictions,
                                                   const stats::StudySummary& summary) {
  Strings arm, task;
  store::Ints items, seeds, n;
  store::Doubles accuracy, low, high, se;
  for (const stats::TaskSummary& s : summary.arms) {
    arm.push_back(s.arm);
    task.push_back(s.task);
    items.push_back(static_cast<std::int64_t>(s.items));
    seeds.push_back(static_cast<std::int64_t>(s.seeds));
    n.push_back(static_cast<std::int64_t>(s.n));
    const Json json = stats::to_json(s);
    accuracy.push_back(field_or<double>(json, "accuracy", kMissing));
    se.push_back(field_or<double>(json, "se_cluster", kMissing));
    low.push_back(s.ci95 ? s.ci95->low : kMissing);
    high.push_back(s.ci95 ? s.ci95->high : kMissing);
  }
  std::map<std::string, store::Table> tables;
  store::Table& table = tables["accuracy"];
  table.add("arm", std::move(arm));
  table.add("task", std::move(task));
  table.add("items", std::move(items));
  table.add("seeds", std::move(seeds));
  table.add("n", std::move(n));
  table.add("accuracy", std::move(accuracy));
  table.add("ci95_low", std::move(low));
  table.add("ci95_high", std::move(high));
  table.add("se_cluster", std::move(se));
  Strings class_arm, name;
  store::Ints rows;
  for (const ClassCount& count : error_classes(predictions)) {
    class_arm.push_back(count.arm);
    name.push_back(count.error_class);
    rows.push_back(count.rows);
  }
  store::Table& classes = tables["error_classes"];
  classes.add("arm", std::move(class_arm));
  classes.add(std::string(column::kErrorClass.name), std::move(name));
  classes.add("rows", std::move(rows));
  tables["floors"] = floor_table(summary);
  for (const auto& [kept, prompts] : predictions.summary) {
    if (kept.starts_with("prompts-")) tables[kept] = prompts;
  }
  return tables;
}

}  // namespace tradeoff::results
