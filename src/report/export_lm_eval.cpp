#include <fmt/format.h>

#include <cmath>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/report/exports.hpp"

namespace tradeoff::report {
namespace {

using store::Flags;
using store::Strings;

// Scores of one name in the results: a task, a group, a subject.
struct Tally {
  std::int64_t items = 0;
  std::map<std::string, std::int64_t> right;  // by metric
};

// sd / sqrt(n) with n - 1, as lm-eval's mean_stderr has it.
double standard_error(std::int64_t right, std::int64_t n) {
  const double p = static_cast<double>(right) / static_cast<double>(n);
  return n > 1 ? std::sqrt(p * (1 - p) / static_cast<double>(n - 1)) : std::nan("");
}

Json result_json(const std::string& name, const Tally& tally) {
  Json json = {{"alias", name}, {"name", name}, {"sample_len", tally.items}};
  for (const auto& [metric, right] : tally.right) {
    const double se = standard_error(right, tally.items);
    json[metric + ",none"] = static_cast<double>(right) / static_cast<double>(tally.items);
    json[metric + "_stderr,none"] = std::isfinite(se) ? Json(se) : Json("N/A");
  }
  return json;
}

std::vector<std::string> metrics_of(const std::string& task) {
  if (task == "mmlu") return {"acc"};
  return {"exec", "exec_keep_distinct", "match", "set", "strict"};
}

Json doc_of(const std::string& task, const store::Table& items, std::size_t i) {
  Json doc = Json::object();
  for (const char* name : {"id", "question", "subject", "group", "db_id", "hardness", "schema"}) {
    if (items.has(name)) doc[name] = items.at<Strings>(name)[i];
  }
  doc[task == "mmlu" ? "answer" : "query"] =
      items.at<Strings>(task == "mmlu" ? "answer" : "query")[i];
  return doc;
}

std::string samples(const std::string& task, const store::Table& items, const store::Table& rows) {
  const bool mmlu = task == "mmlu";
  const Strings& answers = rows.at<Strings>(mmlu ? "answer" : "sql");
  std::string lines;
  for (std::size_t i = 0; i < items.rows(); ++i) {
    const Json doc = doc_of(task, items, i);
    const std::string target = items.at<Strings>(mmlu ? "answer" : "query")[i];
    Json row = {{"doc_id", i}, {"doc", doc}, {"target", target}, {"arguments", Json::object()}};
    row["resps"] = Json::array();
    row["filtered_resps"] = Json::array();
    if (mmlu) {
      const auto& logprobs = rows.at<store::Matrix>("choice_logprobs");
      for (std::size_t c = 0; c < logprobs.width; ++c) {
        const double value = logprobs.values[i * logprobs.width + c];
        const Json shown = std::isnan(value) ? Json() : Json(value);
        const bool greedy = answers[i] == std::string(1, static_cast<char>('A' + c));
        row["resps"].push_back(Json::array({Json::array({shown, greedy})}));
        row["filtered_resps"].push_back(Json::array({shown, greedy}));
      }
    } else {
      row["resps"].push_back(Json::array({rows.at<Strings>("text")[i]}));
      row["filtered_resps"].push_back(answers[i]);
    }
    row["filter"] = "none";
    row["metrics"] = metrics_of(task);
    row["doc_hash"] = sha256(to_line(doc));
    row["target_hash"] = sha256(target);
    for (const std::string& metric : metrics_of(task)) {
      const std::int8_t flag = rows.at<Flags>(mmlu ? "correct" : metric)[i];
      row[metric] = flag == 1 ? 1.0 : 0.0;
    }
    lines += to_line(row) + "\n";
  }
  return lines;
}

// MMLU under lm-eval's names: mmlu, mmlu_<group>, mmlu_<subject>; Spider with its levels.
std::map<std::string, Tally> tallies(const std::string& task, const store::Table& items,
                                     const store::Table& rows) {
  const bool mmlu = task == "mmlu";
  std::map<std::string, Tally> out;
  for (std::size_t i = 0; i < items.rows(); ++i) {
    std::vector<std::string> names = {task};
    names.push_back(task + "_" + items.at<Strings>(mmlu ? "group" : "hardness")[i]);
    if (mmlu) names.push_back(task + "_" + items.at<Strings>("subject")[i]);
    for (const std::string& name : names) {
      ++out[name].items;
      for (const std::string& metric : metrics_of(task)) {
        out[name].right[metric] += rows.at<Flags>(mmlu ? "correct" : metric)[i] == 1 ? 1 : 0;
      }
    }
  }
  return out;
}

Json config_of(const Json& config, const std::string& arm, const std::string& task) {
  if (config.contains("arms") && config["arms"].contains(arm) &&
      config["arms"][arm].contains(task)) {
    return config["arms"][arm][task];
  }
  return Json::object();
}

}  // namespace

void export_lm_eval(const std::filesystem::path& folder, const Study& study,
                    const Analysis& analysis) {
  const store::Predictions& p = study.predictions;
  std::map<std::pair<std::string, std::uint64_t>, Json> results;
  for (const auto& [key, run] : p.runs) {
    const store::Table& items = p.items.at(key.task);
    const auto cell = folder / fmt::format("{}_seed-{}", key.arm, key.seed);
    std::filesystem::create_directories(cell);
    write_atomically(cell / fmt::format("samples_{}_{}.jsonl", key.task, analysis.name),
                     samples(key.task, items, run.rows));
    Json& json = results[{key.arm, key.seed}];
    const Json config = config_of(p.config, key.arm, key.task);
    for (const auto& [name, tally] : tallies(key.task, items, run.rows)) {
      json["results"][name] = result_json(name, tally);
      if (name == key.task) json["groups"][name] = json["results"][name];
      if (name != key.task) json["group_subtasks"][key.task].push_back(name);
      json["configs"][name] = config;
      const auto version = p.versions.find(key.task + "_prompt");
      json["versions"][name] = version == p.versions.end() ? "" : version->second;
      json["n-shot"][name] = field_or<std::int64_t>(config, "shots", 0);
      for (const std::string& metric : metrics_of(key.task))
        json["higher_is_better"][name][metric] = true;
      json["n-samples"][name] = {{"original", tally.items}, {"effective", tally.items}};
    }
  }
  for (auto& [cell, json] : results) {
    json["config"] = {{"model", "tradeoff"},
                      {"model_args", cell.first},
                      {"random_seed", cell.second},
                      {"study", analysis.name}};
    json["git_hash"] = p.commit;
    write_atomically(folder / fmt::format("{}_seed-{}", cell.first, cell.second) /
                         fmt::format("results_{}.json", analysis.name),
                     json.dump(2) + "\n");
  }
}

void write_exports(const std::filesystem::path& folder, const Study& study,
                   const Analysis& analysis) {
  const std::filesystem::path next = folder.string() + ".partial";
  std::filesystem::remove_all(next);
  std::filesystem::create_directories(next);
  export_spider(next / "spider", study);
  export_lm_eval(next / "lm-eval", study, analysis);
  export_tables(next / "tables", analysis);
  std::filesystem::remove_all(folder);
  std::filesystem::rename(next, folder);
}

}  // namespace tradeoff::report
