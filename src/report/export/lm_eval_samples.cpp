#include "lm_eval_samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/results/primary.hpp"
#include "tradeoff/store/item_columns.hpp"

namespace tradeoff::report {
namespace {

namespace column = store::column;
namespace item_column = store::item_column;

using store::Flags;
using store::Ints;
using store::Strings;

constexpr std::size_t kMostChoices = 10;
// Groups of subjects in the order of the harness.
constexpr std::string_view kGroups[] = {"stem", "other", "social_sciences", "humanities"};
constexpr std::string_view kDescription = "The following are multiple choice questions";

// "A. x\nB. y\nC. z" -> the texts, at most so many, which may hold line breaks.
std::vector<std::string> choices_of(const std::string& lines, std::size_t most,
                                    const std::string& id) {
  check(lines.starts_with("A. "),
        fmt::format("item {}: its choices are not A, B, ..., a line each", id));
  std::vector<std::string> choices;
  for (std::size_t begin = 3; begin <= lines.size() && choices.size() < most;) {
    const std::string next = fmt::format("\n{}. ", static_cast<char>('B' + choices.size()));
    const std::size_t end =
        choices.size() + 1 < most ? std::min(lines.find(next, begin), lines.size()) : lines.size();
    choices.push_back(lines.substr(begin, end - begin));
    begin = end + next.size();
  }
  return choices;
}

// The question as the data set has it; its keys and their order decide doc_hash.
Json choice_doc(const store::Table& items, std::size_t most, std::size_t i) {
  Json doc = {{"question", items.at(item_column::kQuestion)[i]},
              {"subject", items.at(item_column::kSubject)[i]}};
  // Files of early versions hold no choices.
  if (items.has(item_column::kChoices))
    doc["choices"] =
        choices_of(items.at(item_column::kChoices)[i], most, items.at(item_column::kId)[i]);
  doc["answer"] = items.at(item_column::kRightChoice)[i].at(0) - 'A';
  return doc;
}

Json sql_doc(const store::Table& items, std::size_t i) {
  Json doc = Json::object();
  using namespace store::item_column;
  for (const auto& column : {kId, kQuestion, kDatabase, kHardness, kSchema, kQuery})
    if (items.has(column)) doc[std::string(column.name)] = items.at(column)[i];
  return doc;
}

// A plain prompt as lm-evaluation-harness has it: the tokenizer adds the BOS there.
std::string context_of(const SampleSource& source, std::size_t row) {
  const std::string& prompt = source.prompts[row];
  if (source.kind != task::Kind::choice || !source.blank_before_choice) return prompt;
  const std::size_t begin = prompt.find(kDescription);
  return begin == std::string::npos ? prompt : prompt.substr(begin);
}

// "True" or "False"; "None" where the file does not tell.
std::string greedy_text(const store::Table& rows, std::size_t row, std::size_t choice) {
  const std::int64_t greedy =
      rows.has(column::kGreedy) ? rows.at(column::kGreedy)[row] : store::kUnknownGreedy;
  if (greedy == store::kUnknownGreedy) return "None";
  return greedy == static_cast<std::int64_t>(choice) ? "True" : "False";
}

void add_choices(Json& sample, const SampleSource& source, std::size_t row) {
  const auto& logprobs = source.run.rows.at(column::kChoiceLogprobs);
  for (std::size_t c = 0; c < logprobs.width; ++c) {
    const Json one = Json::array({python_text(logprobs.values[row * logprobs.width + c]),
                                  greedy_text(source.run.rows, row, c)});
    sample["resps"].push_back(Json::array({one}));
    sample["filtered_resps"].push_back(one);
    if (!source.prompts.empty())
      sample["arguments"][fmt::format("gen_args_{}", c)] = {
          {"arg_0", context_of(source, row)},
          {"arg_1",
           fmt::format("{}{}", source.blank_before_choice ? " " : "", static_cast<char>('A' + c))}};
  }
}

// `read`: the column of what was read from the text.
void add_answer(Json& sample, const SampleSource& source, std::size_t row,
                const store::RunColumn<Strings>& read) {
  Json repeats = Json::array();
  for (std::size_t k = 0; k < source.run.samples(); ++k)
    repeats.push_back(source.run.sample(k).at(column::kText)[row]);
  sample["resps"].push_back(std::move(repeats));
  sample["filtered_resps"].push_back(source.run.rows.at(read)[row]);
  if (!source.prompts.empty())
    sample["arguments"]["gen_args_0"] = {{"arg_0", context_of(source, row)},
                                         {"arg_1", Json::object()}};
}

// The place in its subject's test file, or of the question in dev.json.
Json doc_id_of(const std::string& id, std::size_t row) {
  const std::string number = id.substr(id.rfind('/') + 1);
  const bool digits = !number.empty() && number.size() < 10 &&
                      number.find_first_not_of("0123456789") == std::string::npos;
  return digits ? Json(std::stoul(number)) : Json(row);
}

// Groups that are not its own follow, in the order of their first task.
void order_by_group(std::vector<EvalTask>& tasks, const std::string& task) {
  std::vector<std::string> order;
  for (const std::string_view group : kGroups) order.push_back(fmt::format("{}_{}", task, group));
  for (const EvalTask& one : tasks)
    if (std::ranges::find(order, one.group) == order.end()) order.push_back(one.group);
  std::ranges::stable_sort(tasks, {}, [&](const EvalTask& one) {
    return std::ranges::find(order, one.group) - order.begin();
  });
}

}  // namespace

std::vector<EvalTask> eval_tasks(const task::Task& task, const store::Table& items) {
  const bool choice = task.kind == task::Kind::choice;
  std::vector<EvalTask> tasks;
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < items.rows(); ++i) {
    const std::string alias = choice ? items.at(item_column::kSubject)[i] : task.name;
    const auto [at, fresh] = known.try_emplace(alias, tasks.size());
    if (fresh) {
      EvalTask& next = tasks.emplace_back();
      next.alias = alias;
      next.name = choice ? task.name + "_" + alias : task.name;
      if (choice) next.group = task.name + "_" + items.at(item_column::kGroup)[i];
      if (items.has(item_column::kSplitSize))
        next.split_size = items.at(item_column::kSplitSize)[i];
    }
    tasks[at->second].rows.push_back(i);
  }
  order_by_group(tasks, task.name);
  return tasks;
}

std::vector<std::string> eval_metrics(task::Kind kind, task::Answer answer) {
  if (kind == task::Kind::choice) return {answer == task::Answer::letter ? "exact_match" : "acc"};
  std::vector<std::string> names;
  for (const auto& verdict : column::kVerdicts) names.emplace_back(verdict.name);
  return names;
}

std::optional<double> eval_score(const store::Run& run, task::Kind kind, const std::string& metric,
                                 std::size_t row) {
  const bool sql = kind == task::Kind::sql;
  if (sql && run.rows.at(column::kOutcome)[row] == "gold_error") return std::nullopt;
  double right = 0;
  for (std::size_t k = 0; k < run.samples(); ++k)
    right += run.sample(k).at<Flags>(sql ? metric : column::kCorrect.name)[row] == 1 ? 1.0 : 0.0;
  return right / static_cast<double>(run.samples());
}

Json eval_sample(const SampleSource& source, std::size_t row) {
  const bool choice = source.kind == task::Kind::choice;
  const bool letter = choice && source.answer == task::Answer::letter;
  const std::size_t most = letter   ? kMostChoices
                           : choice ? source.run.rows.at(column::kChoiceLogprobs).width
                                    : 0;
  const Json doc = choice ? choice_doc(source.items, most, row) : sql_doc(source.items, row);
  const std::string target = letter   ? source.items.at(item_column::kRightChoice)[row]
                             : choice ? std::to_string(doc["answer"].get<int>())
                                      : source.items.at(item_column::kQuery)[row];
  Json sample = {{"doc_id", doc_id_of(source.items.at(item_column::kId)[row], row)},
                 {"doc", doc},
                 {"target", target},
                 {"arguments", Json::object()},
                 {"resps", Json::array()},
                 {"filtered_resps", Json::array()}};
  if (choice && !letter) {
    add_choices(sample, source, row);
  } else {
    add_answer(sample, source, row, results::answer_column(source.kind));
  }
  sample["filter"] = "none";
  const auto metrics = eval_metrics(source.kind, source.answer);
  sample["metrics"] = metrics;
  // As Python's json.dumps(doc, indent=2, ensure_ascii=False) writes it.
  sample["doc_hash"] = sha256(doc.dump(2, ' ', false, Json::error_handler_t::replace));
  sample["prompt_hash"] = source.prompts.empty() ? Json() : Json(sha256(context_of(source, row)));
  sample["target_hash"] = sha256(target);
  for (const std::string& metric : metrics) {
    const auto score = eval_score(source.run, source.kind, metric, row);
    sample[metric] = score ? Json(*score) : Json();
  }
  return sample;
}

std::string python_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

}  // namespace tradeoff::report
