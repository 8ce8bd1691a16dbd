#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lm_eval_samples.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/json_file.hpp"
#include "tradeoff/report/export/exports.hpp"
#include "tradeoff/results/prompt_table.hpp"
#include "tradeoff/results/reduce.hpp"
#include "tradeoff/store/item_columns.hpp"

namespace tradeoff::report {
namespace {

namespace item_column = store::item_column;
using store::Strings;

// Scores of one metric over some rows.
struct Tally {
  std::int64_t items = 0;
  double right = 0, squares = 0;  // sums of the scores and of their squares

  double mean() const { return right / static_cast<double>(items); }
  // sd / sqrt(n) with n - 1, as lm-eval's mean_stderr has it; nothing for one row. Shares, of
  // samples, vary less than verdicts.
  std::optional<double> standard_error() const {
    if (items < 2) return std::nullopt;
    const double less = (right - squares) / static_cast<double>(items);
    return std::sqrt((mean() * (1 - mean()) - less) / static_cast<double>(items - 1));
  }
};

// What is known of one task or group.
struct Entry {
  std::string name, alias;
  std::map<std::string, Tally> metrics;
  std::int64_t sample_len() const {
    std::int64_t most = 0;
    for (const auto& [metric, tally] : metrics) most = std::max(most, tally.items);
    return most;
  }
};

Tally tally_of(const std::vector<std::size_t>& rows, const store::Run& run, task::Kind kind,
               const std::string& metric) {
  Tally tally;
  for (const std::size_t row : rows)
    if (const auto score = eval_score(run, kind, metric, row)) {
      ++tally.items;
      tally.right += *score;
      tally.squares += *score * *score;
    }
  return tally;
}

// lm-eval's pooled_sample_stderr over a group's tasks; nothing where one of them has none.
std::optional<double> pooled_error(const std::vector<Tally>& tasks) {
  double sum = 0, items = 0;
  for (const Tally& task : tasks) {
    const auto se = task.standard_error();
    if (!se) return std::nullopt;
    const auto n = static_cast<double>(task.items);
    sum += (n - 1) * *se * *se * n;
    items += n;
  }
  return std::sqrt(sum / (items - static_cast<double>(tasks.size())) / items);
}

Json number_or_na(const std::optional<double>& value) {
  return value ? Json(*value) : Json("N/A");
}

Json task_result(const Entry& entry, const std::vector<std::string>& metrics) {
  Json json = {{"name", entry.name}, {"alias", entry.alias}, {"sample_len", entry.sample_len()}};
  for (const std::string& metric : metrics) {
    const Tally& tally = entry.metrics.at(metric);
    if (tally.items == 0) continue;
    json[metric + ",none"] = tally.mean();
    json[metric + "_stderr,none"] = number_or_na(tally.standard_error());
  }
  return json;
}

Json group_result(const std::string& name, const std::string& alias,
                  const std::vector<const Entry*>& tasks, const std::string& metric) {
  Tally all;
  std::vector<Tally> each;
  for (const Entry* task : tasks) {
    each.push_back(task->metrics.at(metric));
    all.items += each.back().items;
    all.right += each.back().right;
  }
  return {{"alias", alias},
          {"name", name},
          {"sample_len", all.items},
          {metric + ",none", all.mean()},
          {metric + "_stderr,none", number_or_na(pooled_error(each))},
          {"sample_count", {{metric + ",none", all.items}}}};
}

Json arm_config(const Json& config, const std::string& arm, const std::string& task) {
  if (config.contains("arms") && config["arms"].contains(arm) &&
      config["arms"][arm].contains(task)) {
    return config["arms"][arm][task];
  }
  return Json::object();
}

// The keys of a real file's task, with what this program does in their terms.
Json task_config(const EvalTask& task, const task::Task& of, const Json& arm) {
  const bool choice = of.kind == task::Kind::choice;
  const bool letter = choice && of.answer == task::Answer::letter;
  const std::string format = field_or<std::string>(arm, "template", "plain");
  const bool original = format == "hendrycks";
  const std::string question = original ? "{{question}}" : "{{question.strip()}}";
  const Json doc_to_text = choice
                               ? Json(question +
                                      "\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\n"
                                      "D. {{choices[3]}}\nAnswer:")
                               : Json();
  const Json choices = choice && !letter ? Json({"A", "B", "C", "D"}) : Json();
  const Json target = letter ? "{{['A', 'B', 'C', 'D'][answer]}}" : choice ? "answer" : "query";
  // Also of a chat, whose choices follow the prompt without it.
  const std::string delimiter = choice ? " " : "";
  std::string subject = original ? " " : "";
  subject += task.alias;
  std::ranges::replace(subject, '_', ' ');
  Json json = {
      {"task", task.name},
      {"task_alias", task.alias},
      {"dataset_path", of.words.dataset},
      {"dataset_name", choice ? Json(task.alias) : Json()},
      {"test_split", choice ? "test" : "dev"},
      {"fewshot_split", choice ? "dev" : "train"},
      {"doc_to_text", doc_to_text},
      {"doc_to_target", target},
      {"unsafe_code", false},
      {"doc_to_choice", choices},
      {"description", choice ? "The following are multiple choice questions (with answers) "
                               "about " +
                                   subject + ".\n\n"
                             : ""},
      {"target_delimiter", delimiter},
      {"fewshot_delimiter", "\n\n"},
      {"fewshot_config",
       {{"sampler", choice ? "first_n" : "default"},
        {"split", choice ? "dev" : "train"},
        {"process_docs", nullptr},
        {"fewshot_indices", nullptr},
        {"samples", nullptr},
        {"doc_to_text", doc_to_text},
        {"doc_to_choice", choices},
        {"doc_to_target", target},
        {"gen_prefix", nullptr},
        {"fewshot_delimiter", "\n\n"},
        {"target_delimiter", delimiter}}},
      {"num_fewshot", field_or<std::int64_t>(arm, "shots", 0)}};
  Json metrics = Json::array();
  for (const std::string& metric : eval_metrics(of.kind, of.answer))
    metrics.push_back({{"metric", metric}, {"aggregation", "mean"}, {"higher_is_better", true}});
  json["metric_list"] = metrics;
  json["output_type"] = choice && !letter ? "multiple_choice" : "generate_until";
  json["repeats"] = 1;
  json["should_decontaminate"] = false;
  json["metadata"] = {{"version", 1.0}, {"tradeoff", arm}};
  return json;
}

// As PyTorch writes it: "torch.bfloat16"; null in files that do not tell.
Json torch_type(const Json& config) {
  const auto name = field_or<std::string>(config, "dtype", "");
  return name.empty() ? Json() : Json("torch." + name);
}

Json sorted_by_key(const Json& object) {
  std::map<std::string, Json> sorted;
  for (const auto& [key, value] : object.items()) sorted.emplace(key, value);
  return sorted;
}

// Hardness levels and groups stand beside the tasks, each with its own.
class Results {
 public:
  Results(const Study& study, const store::RunKey& key)
      : study_(study), arm_(key.arm), seed_(key.seed) {}

  void add_run(const task::Task& of, const store::Run& run,
               const std::map<std::string, std::string>& hashes) {
    const store::Table& items = study_.predictions.items.at(of.name);
    const Json arm = arm_config(study_.predictions.config, arm_, asked_as(of));
    std::vector<Entry> entries;
    const auto tasks = eval_tasks(of, items);
    for (const EvalTask& task : tasks) {
      entries.push_back(entry_of(task.name, task.alias, task.rows, run, of));
      add_task(task, entries.back(), of, arm);
      json_["task_hashes"][task.name] = hashes.at(task.name);
    }
    if (of.kind == task::Kind::choice) {
      add_groups(of, tasks, entries);
    } else {
      add_levels(of, items, run);
    }
  }

  Json finish() {
    for (const char* key : {"configs", "versions", "n-shot", "higher_is_better"})
      json_[key] = sorted_by_key(json_[key]);
    add_config();
    return std::move(json_);
  }

 private:
  static Entry entry_of(const std::string& name, const std::string& alias,
                        const std::vector<std::size_t>& members, const store::Run& run,
                        const task::Task& of) {
    Entry entry{name, alias, {}};
    for (const std::string& metric : eval_metrics(of.kind, of.answer))
      entry.metrics[metric] = tally_of(members, run, of.kind, metric);
    return entry;
  }

  void add_task(const EvalTask& task, const Entry& entry, const task::Task& of, const Json& arm) {
    const bool choice = of.kind == task::Kind::choice;
    json_["results"][task.name] = task_result(entry, eval_metrics(of.kind, of.answer));
    json_["configs"][task.name] = task_config(task, of, arm);
    // The version of its own task whose prompts these are.
    const bool its_own = of.answer == task::Answer::choice &&
                         field_or<std::string>(arm, "template", "plain") != "hendrycks";
    json_["versions"][task.name] = choice && its_own ? Json(1.0) : Json();
    if (field_or<std::string>(arm, "template", "plain") == "chat" && choice)
      multiturn_ = field_or<bool>(arm, "fewshot_as_multiturn", false);
    json_["n-shot"][task.name] = json_["configs"][task.name]["num_fewshot"];
    for (const std::string& metric : eval_metrics(of.kind, of.answer))
      json_["higher_is_better"][task.name][metric] = true;
    json_["n-samples"][task.name] = {
        {"original", task.split_size ? Json(*task.split_size) : Json()},
        {"effective", entry.sample_len()}};
  }

  void add_group(const std::string& name, const std::string& alias, const Json& result) {
    json_["results"][name] = result;
    json_["results"][name]["alias"] = alias;
    json_["groups"][name] = json_["results"][name];
    json_["versions"][name] = "2";
  }

  // The task over its groups over their subjects.
  void add_groups(const task::Task& of, const std::vector<EvalTask>& tasks,
                  const std::vector<Entry>& entries) {
    const std::string metric = eval_metrics(of.kind, of.answer).front();
    std::vector<std::string> groups;
    for (const EvalTask& task : tasks)
      if (std::ranges::find(groups, task.group) == groups.end()) groups.push_back(task.group);
    std::vector<const Entry*> all;
    for (const Entry& entry : entries) all.push_back(&entry);
    json_["group_subtasks"][of.name] = groups;
    for (const std::string& group : groups) {
      std::vector<const Entry*> members;
      for (std::size_t i = 0; i < tasks.size(); ++i)
        if (tasks[i].group == group) {
          members.push_back(&entries[i]);
          json_["group_subtasks"][group].push_back(tasks[i].name);
        }
      std::string alias = group.substr(of.name.size() + 1);
      std::ranges::replace(alias, '_', ' ');
      add_group(group, alias, group_result(group, alias, members, metric));
      json_["n-shot"][group] = json_["n-shot"][members[0]->name];
      json_["higher_is_better"][group][metric] = true;
    }
    add_group(of.name, of.name, group_result(of.name, of.name, all, metric));
  }

  void add_levels(const task::Task& of, const store::Table& items, const store::Run& run) {
    std::map<std::string, std::vector<std::size_t>> levels;
    for (std::size_t i = 0; i < items.rows(); ++i)
      levels[items.at(item_column::kHardness)[i]].push_back(i);
    for (const auto& [level, members] : levels) {
      const std::string name = of.name + "_" + level;
      json_["results"][name] =
          task_result(entry_of(name, level, members, run, of), eval_metrics(of.kind, of.answer));
      json_["group_subtasks"][of.name].push_back(name);
    }
  }

  // The keys of a real file; null where this program has no value of that meaning.
  void add_config() {
    const Json& config = study_.predictions.config;
    const std::string model = fmt::format("{}_seed-{}", arm_, seed_);
    json_["config"] = {{"model", "tradeoff"},
                       {"model_args", {{"arm", arm_}, {"seed", seed_}}},
                       {"model_num_parameters", nullptr},
                       {"model_dtype", torch_type(config)},
                       {"model_revision", nullptr},
                       {"model_sha", nullptr},
                       {"batch_size", nullptr},
                       {"batch_sizes", Json::array()},
                       {"device", nullptr},
                       {"use_cache", nullptr},
                       {"limit", nullptr},
                       {"bootstrap_iters", nullptr},
                       {"gen_kwargs", Json::object()},
                       {"random_seed", seed_},
                       {"numpy_seed", nullptr},
                       {"torch_seed", nullptr},
                       {"fewshot_seed", seed_}};
    json_["git_hash"] = study_.predictions.commit;
    json_["date"] = study_.written_s;
    for (const char* key : {"pretty_env_info", "transformers_version", "lm_eval_version",
                            "upper_git_hash", "tokenizer_pad_token", "tokenizer_eos_token",
                            "tokenizer_bos_token", "eot_token_id", "max_length"})
      json_[key] = nullptr;
    const Json hashes = std::move(json_["task_hashes"]);
    json_.erase("task_hashes");
    json_["task_hashes"] = hashes;
    json_["model_source"] = "tradeoff";
    json_["model_name"] = model;
    json_["model_name_sanitized"] = model;
    for (const char* key : {"system_instruction", "system_instruction_sha", "fewshot_as_multiturn",
                            "chat_template", "chat_template_sha", "total_evaluation_time_seconds"})
      json_[key] = nullptr;
    if (multiturn_) json_["fewshot_as_multiturn"] = *multiturn_;
  }

  const Study& study_;
  std::string arm_;
  std::uint64_t seed_;
  // Of choices in a chat.
  std::optional<bool> multiturn_;
  Json json_ = {{"results", Json::object()},          {"groups", Json::object()},
                {"group_subtasks", Json::object()},   {"configs", Json::object()},
                {"versions", Json::object()},         {"n-shot", Json::object()},
                {"higher_is_better", Json::object()}, {"n-samples", Json::object()}};
};

std::vector<std::string> prompts_of(const store::Predictions& predictions, const store::Run& run) {
  const auto hash = run.attributes.find("prompts_sha256");
  if (hash == run.attributes.end()) return {};
  const auto table =
      predictions.summary.find(results::prompt_table_name(std::get<std::string>(hash->second)));
  return table == predictions.summary.end() ? std::vector<std::string>()
                                            : results::prompts_of(table->second);
}

// Writes a file a task; returns the hash of each.
std::map<std::string, std::string> write_samples(const std::filesystem::path& folder,
                                                 const Study& study, const store::RunKey& key,
                                                 const store::Run& run) {
  const store::Predictions& p = study.predictions;
  const task::Task of = results::task_of(p, key.task);
  const Json arm = arm_config(p.config, key.arm, asked_as(of));
  const SampleSource source{of.kind,
                            p.items.at(key.task),
                            run,
                            prompts_of(p, run),
                            field_or<std::string>(arm, "template", "plain") != "chat",
                            of.answer};
  std::map<std::string, std::string> hashes;
  for (const EvalTask& task : eval_tasks(of, source.items)) {
    std::string lines, together;
    for (const std::size_t row : task.rows) {
      const Json sample = eval_sample(source, row);
      for (const char* hash : {"doc_hash", "prompt_hash", "target_hash"})
        together += field_or<std::string>(sample, hash, "");
      lines += to_line(sample) + "\n";
    }
    hashes[task.name] = sha256(together);
    write_atomically(folder / fmt::format("samples_{}_{}.jsonl", task.name, study.written()),
                     lines);
  }
  return hashes;
}

}  // namespace

void export_lm_eval(const std::filesystem::path& folder, const Study& study) {
  std::map<std::pair<std::string, std::uint64_t>, Results> results;
  const auto folder_of = [&](const std::string& arm, std::uint64_t seed) {
    return folder / fmt::format("{}_seed-{}", arm, seed);
  };
  for (const auto& [key, run] : study.predictions.runs) {
    const auto cell = folder_of(key.arm, key.seed);
    std::filesystem::create_directories(cell);
    const auto hashes = write_samples(cell, study, key, run);
    results.try_emplace({key.arm, key.seed}, study, key)
        .first->second.add_run(results::task_of(study.predictions, key.task), run, hashes);
  }
  for (auto& [cell, of_cell] : results)
    write_atomically(
        folder_of(cell.first, cell.second) / fmt::format("results_{}.json", study.written()),
        to_lines(of_cell.finish()));
}

void write_exports(const std::filesystem::path& folder, const Study& study,
                   const Analysis& analysis) {
  const std::filesystem::path next = folder.string() + ".partial";
  std::filesystem::remove_all(next);
  std::filesystem::create_directories(next);
  for (const auto& [name, task] : analysis.known) {
    if (task.kind == task::Kind::sql) export_sql(next / name, study, name);
  }
  export_lm_eval(next / "lm-eval", study);
  export_tables(next / "tables", study, analysis);
  std::filesystem::remove_all(folder);
  std::filesystem::rename(next, folder);
}

}  // namespace tradeoff::report
