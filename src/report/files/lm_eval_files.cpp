#include "lm_eval_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/task/subjects.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::report {
namespace {

namespace fs = std::filesystem;

struct SampleName {
  std::string task, time;
};

// samples_<task>_<time>.jsonl; the time has no underscore.
SampleName name_of(const fs::path& path) {
  std::string name = path.stem().string();
  if (name.starts_with("samples_")) name.erase(0, 8);
  const auto time = name.rfind('_');
  if (time == std::string::npos) return {name, ""};
  return {name.substr(0, time), name.substr(time + 1)};
}

const Json* inside(const Json& row, const char* key) {
  const auto doc = row.find("doc");
  if (doc == row.end() || !doc->is_object()) return nullptr;
  const auto found = doc->find(key);
  return found == doc->end() ? nullptr : &*found;
}

// The task of choices that a name stands for, itself or one of its subjects or groups; nullptr for
// any other name. Of several the longest.
const task::Task* choices_named(const std::string& name) {
  const task::Task* found = nullptr;
  for (const task::Task& task : task::built_in_tasks()) {
    const bool named = name == task.name || name.starts_with(task.name + "_");
    if (task.kind != task::Kind::choice || !named) continue;
    if (!found || task.name.size() > found->name.size()) found = &task;
  }
  return found;
}

// The subject in the name of a task of such a group: what its doc says, else a known one; empty
// for another task.
std::string subject_of(const Json& row, const std::string& name) {
  const task::Task* task = choices_named(name);
  if (!task || name == task->name) return "";
  const std::string subject = name.substr(task->name.size() + 1);
  if (const Json* told = inside(row, "subject"); told && text_of(*told) == subject) return subject;
  return task::is_subject(subject) ? subject : "";
}

// A log-likelihood, which newer versions write as a text.
std::optional<double> number_of(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const std::string text = value.get<std::string>();
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  return end == text.c_str() || *end != '\0' ? std::nullopt : std::optional(number);
}

// The log-likelihoods of the choices, [[value, is_greedy], ...]; empty for any other response.
std::vector<double> likelihoods_of(const Json& responses) {
  std::vector<double> values;
  if (!responses.is_array() || responses.size() < 2) return {};
  for (const Json& one : responses) {
    if (!one.is_array() || one.size() != 2) return {};
    const auto value = number_of(one[0]);
    const bool greedy = one[1].is_boolean() || one[1] == "True" || one[1] == "False";
    if (!value || !greedy) return {};
    values.push_back(*value);
  }
  return values;
}

// The answer itself, so that equal answers have equal codes whatever their log-probabilities.
std::string answer_of(const Json& responses) {
  const std::vector<double> values = likelihoods_of(responses);
  if (values.empty()) return to_line(responses);
  const auto best = std::max_element(values.begin(), values.end()) - values.begin();
  return values.size() <= 26 ? std::string(1, static_cast<char>('A' + best)) : std::to_string(best);
}

std::string item_of(const Json& row, const fs::path& path, CompareOptions::Key key) {
  if (key == CompareOptions::Key::question) {
    const Json* question = inside(row, "question");
    if (!question) fail("the sample's doc has no \"question\" to pair by");
    return text_of(*question);
  }
  if (const Json* id = inside(row, "id")) return text_of(*id);
  const std::string task = sample_task(path), subject = subject_of(row, task);
  return (subject.empty() ? task : subject) + "/" + text_of(row.at("doc_id"));
}

std::string first_metric(const Json& row) {
  const auto listed = row.find("metrics");
  const bool named = listed != row.end() && listed->is_array() && !listed->empty();
  return named ? text_of(listed->front()) : "acc";
}

// Of several runs in one folder the newest, by the time in the names.
void keep_newest(std::vector<fs::path>& files, const std::string& task, const fs::path& folder) {
  std::set<std::string> times;
  for (const fs::path& file : files) times.insert(name_of(file).time);
  if (times.size() < 2) return;
  const std::string newest = *times.rbegin();
  log::warn("{}: {} runs of {}; taking the newest, {}, and leaving {}", folder.string(),
            times.size(), task, newest, fmt::join(times.begin(), std::prev(times.end()), ", "));
  std::erase_if(files, [&](const fs::path& file) { return name_of(file).time != newest; });
}

}  // namespace

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_line(value);
}

std::optional<double> score_of(const Json& row, const std::string& metric) {
  const auto found = row.find(metric);
  if (found == row.end()) fail(fmt::format("missing key \"{}\", the metric", metric));
  if (found->is_null()) return std::nullopt;
  if (found->is_boolean()) return found->get<bool>() ? 1.0 : 0.0;
  return field<double>(row, metric);
}

std::string sample_task(const fs::path& path) {
  return name_of(path).task;
}

std::string sample_kind(const Json& row, const fs::path& path) {
  if (inside(row, "db_id")) return task::default_task(task::Kind::sql).name;
  const std::string task = sample_task(path);
  if (const task::Task* choices = choices_named(task)) return choices->name;
  return inside(row, "subject") ? task::default_task(task::Kind::choice).name : task;
}

stats::ResultRow sample_row(const Json& row, const fs::path& path, const CompareOptions& options) {
  stats::ResultRow out;
  out.item = item_of(row, path, options.key);
  const Json* cluster = inside(row, "subject");
  if (!cluster) cluster = inside(row, "db_id");
  const std::string task = sample_task(path), subject = subject_of(row, task);
  out.cluster = cluster ? text_of(*cluster) : subject.empty() ? task : subject;
  out.score = score_of(row, options.metric.empty() ? first_metric(row) : options.metric);
  if (const auto answer = row.find("filtered_resps"); answer != row.end())
    out.answer = stats::answer_code(answer_of(*answer));
  return out;
}

std::map<std::string, std::vector<fs::path>> sample_files(const fs::path& folder) {
  std::set<fs::path> folders;
  std::map<std::string, std::vector<fs::path>> by_task;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("samples_") || !name.ends_with(".jsonl")) continue;
    folders.insert(entry.path().parent_path());
    const std::string task = sample_task(entry.path());
    const task::Task* choices = choices_named(task);
    by_task[choices ? choices->name : task].push_back(entry.path());
  }
  check(!by_task.empty(),
        folder.string() + ": found neither predictions.h5 nor samples_*.jsonl in the folder");
  if (folders.size() > 1) {
    std::vector<std::string> names;
    for (const fs::path& one : folders) names.push_back(one.string());
    fail(fmt::format("{}: samples in {} folders, one a model: {}; name one of them",
                     folder.string(), names.size(), fmt::join(names, ", ")));
  }
  for (auto& [task, files] : by_task) {
    std::ranges::sort(files);
    keep_newest(files, task, folder);
  }
  return by_task;
}

}  // namespace tradeoff::report
