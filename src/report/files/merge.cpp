#include "merge.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "tradeoff/base/error.hpp"
#include "tradeoff/store/difference.hpp"
#include "tradeoff/task/task.hpp"

namespace tradeoff::report {
namespace {

namespace fs = std::filesystem;
using store::Predictions;
using store::Strings;

// What must agree between files of one study: all of the configuration but its name, its seeds and
// which arms it has.
Json shared_config(const Json& config) {
  Json shared = config;
  shared.erase("arms");
  if (shared.contains("study")) {
    shared["study"].erase("seeds");
    shared["study"].erase("name");
  }
  return shared;
}

std::vector<std::string> config_differences(const Json& before, const Json& now) {
  std::vector<std::string> found = store::differences(shared_config(before), shared_config(now));
  if (!before.contains("arms") || !now.contains("arms")) return found;
  for (const auto& [arm, record] : now["arms"].items()) {
    if (!before["arms"].contains(arm)) continue;
    for (const std::string& line : store::differences(before["arms"][arm], record)) {
      found.push_back(fmt::format("arms.{}.{}", arm, line));
    }
  }
  return found;
}

std::vector<std::string> version_differences(const Predictions& before, const Predictions& now) {
  Json a = Json::object(), b = Json::object();
  for (const auto& [name, version] : before.versions) a["versions"][name] = version;
  for (const auto& [name, version] : now.versions) b["versions"][name] = version;
  return store::differences(a, b);
}

std::vector<std::string> item_differences(const Predictions& before, const Predictions& now) {
  std::vector<std::string> found;
  for (const auto& [task, table] : now.items) {
    const auto other = before.items.find(task);
    if (other == before.items.end() || other->second == table) continue;
    const Strings &a = other->second.at<Strings>("id"), &b = table.at<Strings>("id");
    const auto [at_a, at_b] = std::ranges::mismatch(a, b);
    if (at_a == a.end() && at_b == b.end()) {
      found.push_back(fmt::format("items.{}: the same ids, but other texts", task));
      continue;
    }
    found.push_back(fmt::format(
        "items.{}: {} items before, {} now; row {} is {} before, {} now", task, a.size(), b.size(),
        at_a - a.begin(), at_a == a.end() ? "absent" : *at_a, at_b == b.end() ? "absent" : *at_b));
  }
  return found;
}

// What decides an arm's prompts; arms alike in it have equal prompts for a seed.
Json prompt_record(const Json& config, const std::string& arm, const std::string& task) {
  const auto arms = config.find("arms");
  if (arms == config.end() || !arms->contains(arm)) return arm;
  const Json& record = (*arms)[arm];
  Json out = Json::object();
  const task::Task* known = task::find_task(task);
  const std::string& section = known ? asked_as(*known) : task;
  for (const char* key : {section.c_str(), "max_prompt_tokens", "overflow"}) {
    if (record.contains(key)) out[key] = record[key];
  }
  return out;
}

std::string prompt_hash(const store::Run& run) {
  const auto found = run.attributes.find("prompts_sha256");
  if (found == run.attributes.end()) return "";
  const auto* text = std::get_if<std::string>(&found->second);
  return text ? *text : "";
}

std::vector<std::string> prompt_differences(const Predictions& before, const Predictions& now) {
  std::vector<std::string> found;
  for (const auto& [key, run] : now.runs) {
    for (const auto& [other, other_run] : before.runs) {
      if (other.task != key.task || other.seed != key.seed) continue;
      const std::string a = prompt_hash(other_run), b = prompt_hash(run);
      if (a.empty() || b.empty() || a == b) continue;
      if (prompt_record(before.config, other.arm, key.task) !=
          prompt_record(now.config, key.arm, key.task)) {
        continue;
      }
      found.push_back(fmt::format("prompts of {}, seed {}: sha256 {} ({}) before, {} ({}) now",
                                  key.task, key.seed, a.substr(0, 12), other.arm, b.substr(0, 12),
                                  key.arm));
    }
  }
  return found;
}

bool once(const store::Run& run) {
  return run.attributes.contains("computed_once");
}

// Where the cell's task stands already: under its own seed, or once for all seeds.
const store::RunKey* standing(const Predictions& predictions, const store::RunKey& key,
                              bool is_once) {
  for (const auto& [other, run] : predictions.runs) {
    if (other.arm != key.arm || other.task != key.task) continue;
    if (other.seed == key.seed || (is_once && once(run))) return &other;
  }
  return nullptr;
}

bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

// Equal, with a missing number equal to a missing one.
bool same_column(const store::Column& a, const store::Column& b) {
  if (const auto* x = std::get_if<store::Doubles>(&a)) {
    const auto* y = std::get_if<store::Doubles>(&b);
    return y && std::ranges::equal(*x, *y, same);
  }
  if (const auto* x = std::get_if<store::Matrix>(&a)) {
    const auto* y = std::get_if<store::Matrix>(&b);
    return y && x->width == y->width && std::ranges::equal(x->values, y->values, same);
  }
  return a == b;
}

bool same_rows(const store::Table& a, const store::Table& b) {
  return std::ranges::equal(a.columns(), b.columns(), [](const auto& x, const auto& y) {
    return x.first == y.first && same_column(x.second, y.second);
  });
}

bool same_answers(const store::Run& a, const store::Run& b) {
  return same_rows(a.rows, b.rows) && std::ranges::equal(a.further, b.further, same_rows);
}

void join_config(Json& config, const Json& next) {
  if (config.contains("study") && next.contains("study") && next["study"].contains("seeds")) {
    Json& seeds = config["study"]["seeds"];
    for (const Json& seed : next["study"]["seeds"]) {
      if (std::find(seeds.begin(), seeds.end(), seed) == seeds.end()) seeds.push_back(seed);
    }
  }
  if (!next.contains("arms")) return;
  for (const auto& [arm, record] : next["arms"].items()) config["arms"][arm] = record;
}

std::string name_of(const Json& config) {
  return config.contains("study") ? field_or<std::string>(config["study"], "name", "") : "";
}

}  // namespace

void merge_into(Study& study, const fs::path& first, const fs::path& file, Predictions next) {
  Predictions& all = study.predictions;
  std::vector<std::string> found = config_differences(all.config, next.config);
  for (const auto& lines : {version_differences(all, next), item_differences(all, next),
                            prompt_differences(all, next)}) {
    found.insert(found.end(), lines.begin(), lines.end());
  }
  if (!found.empty()) {
    fail(fmt::format("{} and {} are not of one study: {}", first.string(), file.string(),
                     fmt::join(found, "; ")));
  }
  if (all.commit != next.commit) {
    study.notes.push_back(fmt::format("{} was made by commit {}, {} by {}", first.string(),
                                      all.commit, file.string(), next.commit));
  }
  if (name_of(all.config) != name_of(next.config)) {
    study.notes.push_back(fmt::format("{} is named {}, {} {}", first.string(), name_of(all.config),
                                      file.string(), name_of(next.config)));
  }
  for (auto& [key, run] : next.runs) {
    const store::RunKey* there = standing(all, key, once(run));
    if (!there) {
      all.runs[key] = std::move(run);
      continue;
    }
    if (there->seed == key.seed) {
      fail(
          fmt::format("arm {}, seed {}, {}: stands in {} and in an earlier file; a seed may be "
                      "given once",
                      key.arm, key.seed, key.task, file.string()));
    }
    if (!same_answers(all.runs.at(*there), run)) {
      fail(
          fmt::format("arm {}, {}: computed once, but {} (seed {}) has other rows than an earlier "
                      "file (seed {})",
                      key.arm, key.task, file.string(), key.seed, there->seed));
    }
  }
  for (auto& [cell, curve] : next.training) all.training.emplace(cell, std::move(curve));
  for (auto& [task, items] : next.items) all.items.emplace(task, std::move(items));
  for (auto& [name, table] : next.summary) {
    if (name.starts_with("prompts-")) all.summary.emplace(name, std::move(table));
  }
  join_config(all.config, next.config);
}

}  // namespace tradeoff::report
