#include "tradeoff/report/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tradeoff/study/reduce.hpp"

namespace tradeoff::report {
namespace {

std::string percent(double value) {
  return fmt::format("{:.1f} %", 100 * value);
}

std::string cell(const Json& summary, const char* key) {
  const auto found = summary.find(key);
  return found == summary.end() || found->is_null() ? "n/a" : percent(found->get<double>());
}

// Columns padded to their widest entry, so that the Markdown is a table on a terminal too.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> width;
  for (const auto& row : rows) {
    width.resize(std::max(width.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t i = 0; i < width.size(); ++i) {
      text += fmt::format("| {:<{}} ", i < rows[r].size() ? rows[r][i] : "", width[i]);
    }
    text += "|\n";
    if (r > 0) continue;
    for (const std::size_t w : width) text += "|" + std::string(w + 2, '-');
    text += "|\n";
  }
  return text;
}

std::string accuracy_table(const stats::StudySummary& summary) {
  std::vector<std::vector<std::string>> rows = {{"arm", "task", "accuracy", "95 % Wilson",
                                                 "s.e. (clusters)", "sd over seeds", "items",
                                                 "seeds"}};
  for (const stats::TaskSummary& s : summary.arms) {
    const Json json = stats::to_json(s);
    const std::string wilson = s.wilson95 ? fmt::format("{:.1f} to {:.1f} %", 100 * s.wilson95->low,
                                                        100 * s.wilson95->high)
                                          : "n/a";
    const bool sd = !json.at("seed_sd").is_null();
    rows.push_back({s.arm, s.task, cell(json, "accuracy"), wilson, cell(json, "se_cluster"),
                    sd ? cell(json, "seed_sd") : "not estimable", std::to_string(s.items),
                    std::to_string(s.seeds)});
  }
  return table(rows);
}

std::string floor_lines(const stats::StudySummary& summary) {
  std::string text;
  std::map<std::string, bool> told;
  for (const stats::TaskSummary& s : summary.arms) {
    if (told[s.task]) continue;
    told[s.task] = true;
    for (const stats::Floor& floor : s.floors) {
      if (floor.name.starts_with("always_") && floor.name != "always_empty") continue;
      text += fmt::format(
          "- {}: {} would score {} of {} ({})\n", s.task, floor.name, floor.right, floor.items,
          floor.items ? percent(static_cast<double>(floor.right) / static_cast<double>(floor.items))
                      : "n/a");
    }
  }
  return text;
}

std::string group_table(const store::Predictions& predictions, const std::string& task,
                        const char* label, study::Primary primary) {
  std::vector<std::vector<std::string>> rows = {{"arm", label, "accuracy", "items"}};
  for (const stats::ScoreTable& table : study::score_tables(predictions, primary)) {
    if (table.task != task) continue;
    for (const stats::GroupAccuracy& group : stats::accuracy_by(table, table.strata)) {
      rows.push_back(
          {table.arm, group.label, percent(group.accuracy), std::to_string(group.items)});
    }
  }
  return rows.size() > 1 ? table(rows) : "";
}

std::string error_table(const store::Predictions& predictions) {
  std::vector<std::vector<std::string>> rows = {{"arm", "why the SQL is wrong", "rows"}};
  for (const study::ClassCount& count : study::error_classes(predictions)) {
    rows.push_back({count.arm, count.error_class, std::to_string(count.rows)});
  }
  return rows.size() > 1 ? table(rows) : "";
}

study::Primary primary_of(const store::Predictions& predictions) {
  const std::string name = predictions.config.at("study").at("primary");
  return name == "set"      ? study::Primary::set
         : name == "strict" ? study::Primary::strict
                            : study::Primary::exec;
}

}  // namespace

std::string markdown(const study::StudyResult& result) {
  const store::Predictions& predictions = *result.predictions;
  const study::Primary primary = primary_of(predictions);
  std::string text =
      fmt::format("# Study {}\n\n", predictions.config.at("study").at("name").get<std::string>());
  text += fmt::format("Spider accuracy is `{}`.\n\n", study::name_of(primary));
  text += accuracy_table(result.summary) + "\n" + floor_lines(result.summary);
  const auto section = [&](const char* title, const std::string& body) {
    if (!body.empty()) text += fmt::format("\n## {}\n\n{}", title, body);
  };
  section("Spider by hardness", group_table(predictions, "spider", "hardness", primary));
  section("MMLU by group", group_table(predictions, "mmlu", "group", primary));
  section("Wrong SQL", error_table(predictions));
  return text;
}

Json report_json(const study::StudyResult& result) {
  Json json = {{"study", result.predictions->config.at("study").at("name")}};
  const Json reduced = stats::to_json(result.summary);
  for (const auto& [key, value] : reduced.items()) json[key] = value;
  for (const study::LedgerEntry& entry : result.ledger) {
    Json& cost = json["cost"][entry.arm];
    if (cost.is_null())
      cost = {{"train_s", 0.0}, {"predict_s", 0.0}, {"tokens", 0}, {"device_hours", 0.0}};
    cost["predict_s"] = cost["predict_s"].get<double>() + entry.seconds;
    cost["tokens"] = cost["tokens"].get<std::int64_t>() + entry.prompt_tokens + entry.new_tokens;
    cost["device_hours"] = cost["device_hours"].get<double>() +
                           entry.seconds * static_cast<double>(entry.ranks) / 3600;
  }
  return json;
}

}  // namespace tradeoff::report
