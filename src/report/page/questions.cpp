#include "questions.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "grids/glossary.hpp"
#include "tradeoff/results/item_roles.hpp"
#include "tradeoff/results/prompt_table.hpp"
#include "tradeoff/store/prediction.hpp"

namespace tradeoff::report {
namespace {

namespace column = store::column;
namespace item_column = store::item_column;

using store::Flags;
using store::Ints;
using store::Strings;

Json task_json(const task::Task& task, const store::Table& items) {
  const results::ItemRoles roles = results::roles_of(task.kind);
  Json out = {{"title", task.words.title},
              {"label_name", task.words.cluster},
              {"level_name", task.words.level},
              {"ids", items.at(item_column::kId)},
              {"labels", items.at(roles.cluster)},
              {"levels", items.at(roles.level)},
              {"questions", items.at(item_column::kQuestion)},
              {"golds", items.at(roles.gold)}};
  if (task.kind == task::Kind::choice) {
    if (items.has(item_column::kChoices)) out["choices"] = items.at(item_column::kChoices);
    return out;
  }
  if (items.has(item_column::kGoldResult)) out["results"] = items.at(item_column::kGoldResult);
  // A schema stands once for all questions of its database.
  std::map<std::string, std::size_t> place;
  Json schemas = Json::array(), index = Json::array();
  for (const std::string& schema : items.at(item_column::kSchema)) {
    const auto [found, is_new] = place.emplace(schema, place.size());
    if (is_new) schemas.push_back(schema);
    index.push_back(found->second);
  }
  out["schemas"] = std::move(schemas);
  out["schema"] = std::move(index);
  return out;
}

std::string verdicts(const Flags& flags) {
  std::string text;
  for (const std::int8_t flag : flags) text += flag < 0 ? '-' : flag ? '1' : '0';
  return text;
}

// Mostly empty columns as {row: text}.
Json sparse(const Strings& column) {
  Json out = Json::object();
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (!column[i].empty()) out[std::to_string(i)] = column[i];
  }
  return out;
}

// Where the run's prompts stand in /summary; "" for a run without their hash.
std::string prompts_name(const store::Run& run) {
  const auto found = run.attributes.find("prompts_sha256");
  const auto* hash =
      found == run.attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
  return hash ? results::prompt_table_name(*hash) : "";
}

// UTF-16 units of the first `bytes` bytes: how JavaScript counts.
std::size_t utf16_units(const std::string& text, std::size_t bytes) {
  std::size_t units = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    units += (c & 0xC0) == 0x80 ? 0 : c >= 0xF0 ? 2 : 1;
  }
  return units;
}

Json prompts_json(const store::Table& table) {
  const std::vector<std::string> prompts = results::prompts_of(table);
  const Ints& shared = table.at<Ints>("shared");
  Json units = Json::array();
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    units.push_back(utf16_units(prompts[i], static_cast<std::size_t>(shared[i])));
  }
  return {{"shared", units}, {"rest", table.at<Strings>("rest")}};
}

// What only a written answer has.
void add_text(Json& cell, const store::Table& rows) {
  cell["text"] = sparse(rows.at(column::kText));
  cell["tokens"] = rows.at(column::kTokens);
  const Strings& finish = rows.at(column::kFinish);
  Strings cut(finish.size());
  for (std::size_t i = 0; i < cut.size(); ++i) {
    if (finish[i] == name_of(store::Finish::length)) cut[i].push_back('1');
  }
  cell["cut_off"] = sparse(cut);
}

void add_sql(Json& cell, const store::Table& rows, results::Primary primary) {
  cell["ok"] = verdicts(rows.at(results::column_of(primary)));
  const Strings &sql = rows.at(column::kSql), &text = rows.at(column::kText);
  add_text(cell, rows);
  cell["sql"] = sql;
  Strings other(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != sql[i]) other[i] = text[i];
  }
  cell["text"] = sparse(other);
  cell["class"] = rows.at(column::kErrorClass);
  cell["outcome"] = rows.at(column::kOutcome);
  cell["message"] = sparse(rows.at(column::kMessage));
  if (rows.has(column::kResult)) cell["result"] = sparse(rows.at(column::kResult));
  Json metrics = Json::object();
  for (const auto& verdict : column::kVerdicts)
    metrics[std::string(verdict.name)] = verdicts(rows.at(verdict));
  cell["metrics"] = std::move(metrics);
}

// The lowest sample with the same result or letter, by row; -1 for an answer without one.
Json groups_of(const store::Run& run, const store::RunColumn<Strings>& column, std::size_t sample) {
  std::vector<const Strings*> samples;
  for (std::size_t i = 0; i <= sample; ++i) samples.push_back(&run.sample(i).at(column));
  const Strings& own = *samples.back();
  Json groups = Json::array();
  for (std::size_t i = 0; i < own.size(); ++i) {
    std::size_t first = 0;
    while ((*samples[first])[i] != own[i]) ++first;
    groups.push_back(own[i].empty() ? -1 : static_cast<int>(first));
  }
  return groups;
}

void add_choice(Json& cell, const store::Table& rows) {
  cell["ok"] = verdicts(rows.at(column::kCorrect));
  std::string letters;
  for (const std::string& answer : rows.at(column::kAnswer)) {
    letters += answer.size() == 1 ? answer[0] : ' ';
  }
  cell["letters"] = letters;
  if (rows.has(column::kText)) return add_text(cell, rows);
  const auto& logprobs = rows.at(column::kChoiceLogprobs);
  Json confidence = Json::array();
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    double total = 0, largest = 0;
    for (std::size_t c = 0; c < logprobs.width; ++c) {
      const double logprob = logprobs.values[i * logprobs.width + c];
      if (std::isnan(logprob)) break;
      const double p = std::exp(logprob);
      total += p;
      largest = std::max(largest, p);
    }
    if (total > 0) {
      confidence.push_back(std::lround(100 * largest / total));
    } else {
      confidence.push_back(nullptr);
    }
  }
  cell["confidence"] = std::move(confidence);
}

void add_cell(Json& cell, const Study& study, const Analysis& analysis, const store::Run& run,
              const store::Table& rows) {
  cell["once"] = run.attributes.contains("computed_once");
  if (analysis.task(cell["task"]).kind == task::Kind::sql) {
    add_sql(cell, rows, analysis.primary);
  } else {
    add_choice(cell, rows);
  }
  cell["prompt_tokens"] = rows.at(column::kPromptTokens);
  cell["shots"] = rows.at(column::kShotsUsed);
  const std::string prompts = prompts_name(run);
  if (study.predictions.summary.contains(prompts)) cell["prompt"] = prompts;
  cell["overflow"] = sparse(rows.at(column::kOverflow));
}

}  // namespace

Json question_data(const Study& study, const Analysis& analysis) {
  Json out = {{"arms", analysis.arms},
              {"reference", analysis.reference},
              {"primary", results::name_of(analysis.primary)},
              {"glossary", glossary_json(analysis)},
              {"tasks", Json::object()},
              {"cells", Json::array()}};
  for (const std::string& task : analysis.tasks) {
    out["tasks"][task] = task_json(analysis.task(task), study.predictions.items.at(task));
  }
  for (const std::string& arm : analysis.arms) {
    for (const auto& [key, run] : study.predictions.runs) {
      if (key.arm != arm) continue;
      for (std::size_t k = 0; k < run.samples(); ++k) {
        Json cell = {{"task", key.task}, {"arm", arm}, {"seed", key.seed}};
        if (run.sampled()) {
          cell["sample"] = k;
          cell["group"] = groups_of(run, results::vote_column(analysis.task(key.task).kind), k);
        }
        add_cell(cell, study, analysis, run, run.sample(k));
        out["cells"].push_back(std::move(cell));
      }
    }
  }
  for (const auto& [name, table] : study.predictions.summary) {
    if (name.starts_with("prompts-")) out["prompts"][name] = prompts_json(table);
  }
  return out;
}

}  // namespace tradeoff::report
