#include "tradeoff/report/page/show_question.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "tradeoff/base/error.hpp"
#include "tradeoff/results/item_roles.hpp"
#include "tradeoff/results/prompt_table.hpp"
#include "tradeoff/results/reduce.hpp"
#include "tradeoff/sql/judge/error_class.hpp"

namespace tradeoff::report {
namespace {

namespace column = store::column;
namespace item_column = store::item_column;

using store::Flags;
using store::Ints;
using store::Strings;

// Where a question stands.
struct Place {
  std::string task;
  std::size_t row = 0;
};

Place find_question(const store::Predictions& p, const ShowQuestion& asked) {
  std::vector<std::string> seen, tasks;
  std::optional<Place> place;
  for (const std::string& task : results::task_order(p)) {
    if (!asked.task.empty() && task != asked.task) continue;
    const Strings& ids = p.items.at(task).at(item_column::kId);
    const auto found = std::ranges::find(ids, asked.id);
    if (found != ids.end()) {
      place = {task, static_cast<std::size_t>(found - ids.begin())};
      tasks.push_back(task);
      continue;
    }
    const auto shown = std::span(ids).first(std::min<std::size_t>(ids.size(), 4));
    seen.push_back(
        fmt::format("{} has {} questions: {}, ...", task, ids.size(), fmt::join(shown, ", ")));
  }
  check(tasks.size() < 2, fmt::format("{} have a question with the id \"{}\"; --task names one",
                                      fmt::join(tasks, " and "), asked.id));
  if (place) return *place;
  fail(fmt::format("no question with the id \"{}\"; {}", asked.id,
                   seen.empty() ? "no task \"" + asked.task + "\" in the file"
                                : fmt::format("{}", fmt::join(seen, "; "))));
}

using Cell = std::pair<const store::RunKey, store::Run>;

std::vector<const Cell*> cells_of(const store::Predictions& p, const Place& place,
                                  const ShowQuestion& asked) {
  std::vector<const Cell*> cells;
  std::set<std::string> there;
  for (const std::string& arm : results::arm_order(p))
    for (const Cell& cell : p.runs) {
      if (cell.first.arm != arm || cell.first.task != place.task) continue;
      there.insert(fmt::format("{} seed {}", arm, cell.first.seed));
      const bool once = cell.second.attributes.contains("computed_once");
      if (!asked.arm.empty() && arm != asked.arm) continue;
      if (asked.seed && !once && cell.first.seed != *asked.seed) continue;
      cells.push_back(&cell);
    }
  check(!cells.empty(), fmt::format("no answers to {} of that arm and seed; there are {}",
                                    place.task, fmt::join(there, ", ")));
  return cells;
}

std::string indented(const std::string& text) {
  std::string out = "  ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

std::string head_of(const store::Table& items, const Place& place, const task::Task& task) {
  const results::ItemRoles roles = results::roles_of(task.kind);
  const auto at = [&](const auto& column) { return items.at(column)[place.row]; };
  std::string text = fmt::format("{} {}: {} {}, {}\n", place.task, at(item_column::kId),
                                 task.words.cluster, at(roles.cluster), at(roles.level));
  text += fmt::format("question: {}\n", at(item_column::kQuestion));
  if (task.kind == task::Kind::choice) {
    if (items.has(item_column::kChoices)) text += at(item_column::kChoices) + "\n";
    return text + fmt::format("right: {}\n", at(roles.gold));
  }
  text += fmt::format("\n== gold\n{}\n", at(roles.gold));
  if (items.has(item_column::kGoldResult) && !at(item_column::kGoldResult).empty())
    text += indented(at(item_column::kGoldResult)) + "\n";
  return text;
}

std::string prompt_hash(const store::Run& run) {
  const auto found = run.attributes.find("prompts_sha256");
  const auto* hash =
      found == run.attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
  return hash ? *hash : "";
}

// The first cell's prompt; others are named where they have another.
std::string prompt_text(const store::Predictions& p, const Place& place,
                        const std::vector<const Cell*>& cells) {
  const std::string hash = prompt_hash(cells.front()->second);
  const auto table = p.summary.find(results::prompt_table_name(hash));
  if (table == p.summary.end()) return "";
  std::vector<std::string> others;
  for (const Cell* cell : cells)
    if (prompt_hash(cell->second) != hash)
      others.push_back(fmt::format("{} seed {}", cell->first.arm, cell->first.seed));
  std::string text =
      fmt::format("\n== prompt of {}, seed {}\n{}\n", cells.front()->first.arm,
                  cells.front()->first.seed, results::prompts_of(table->second).at(place.row));
  if (!others.empty())
    text +=
        fmt::format("(other prompts: {}; --arm and --seed show one)\n", fmt::join(others, ", "));
  return text;
}

std::string verdict_word(std::int8_t flag) {
  return flag < 0 ? "not judged" : flag ? "right" : "wrong";
}

std::string sql_answer(const store::Table& rows, const Place& place, const std::string& gold,
                       results::Primary primary, bool diff) {
  const auto at = [&](const auto& column) { return rows.at(column)[place.row]; };
  const std::string sql = at(column::kSql);
  std::string text = verdict_word(at(results::column_of(primary))) + "\n";
  text += sql.empty() ? "(no query in the answer) " + at(column::kText)
          : diff      ? word_diff(gold, sql)
                      : sql;
  text += "\n";
  if (rows.has(column::kResult) && !at(column::kResult).empty())
    text += indented(at(column::kResult)) + "\n";
  if (!at(column::kMessage).empty()) text += indented(at(column::kMessage)) + "\n";
  if (const std::string why = at(column::kErrorClass); !why.empty()) {
    const std::string_view meaning = sql::meaning_of(why);
    text += indented(fmt::format("{}{}{}", why, meaning.empty() ? "" : ": ", meaning)) + "\n";
  }
  std::vector<std::string> verdicts;
  for (const auto& verdict : column::kVerdicts)
    if (rows.has(verdict))
      verdicts.push_back(fmt::format("{} {}", verdict.name, verdict_word(at(verdict))));
  return text + indented(fmt::format("{}", fmt::join(verdicts, ", "))) + "\n";
}

// Samples of equal results or letters together, the largest group first, which the vote takes;
// those without any last. `told` prints one.
std::string sampled_answers(const store::Run& run, const Place& place, task::Kind kind,
                            const std::function<std::string(const store::Table&)>& told) {
  const bool sql = kind == task::Kind::sql;
  const char* what = sql ? "result" : "letter";
  std::map<std::string, std::vector<std::size_t>> by_result;
  for (std::size_t k = 0; k < run.samples(); ++k)
    by_result[run.sample(k).at(results::vote_column(kind))[place.row]].push_back(k);
  std::vector<std::pair<std::string, std::vector<std::size_t>>> groups(by_result.begin(),
                                                                       by_result.end());
  std::ranges::sort(groups, [](const auto& a, const auto& b) {
    if (a.first.empty() != b.first.empty()) return b.first.empty();
    if (a.second.size() != b.second.size()) return a.second.size() > b.second.size();
    return a.second.front() < b.second.front();
  });
  std::string text = fmt::format("{} answers\n", run.samples());
  for (const auto& [result, members] : groups) {
    const bool won = &members == &groups.front().second && !result.empty();
    text += fmt::format("-- {} of {} {} {}{}: samples {}\n", members.size(), run.samples(),
                        result.empty() ? "without a" : "of this", what, won ? ", the vote's" : "",
                        fmt::join(members, ", "));
    // Equal answers stand once.
    std::set<std::string> seen;
    for (const std::size_t k : members) {
      const store::Table& rows = run.sample(k);
      const std::string& answer = rows.at(sql ? column::kSql : column::kText)[place.row];
      if (!answer.empty() && !seen.insert(answer).second) continue;
      text += fmt::format("sample {}, log-probability {:.2f}: ", k,
                          rows.at(column::kLogprob)[place.row]) +
              told(rows);
    }
  }
  return text;
}

std::string choice_answer(const store::Table& rows, const Place& place) {
  const std::string& letter = rows.at(column::kAnswer)[place.row];
  std::string text = verdict_word(rows.at(column::kCorrect)[place.row]) + "\n";
  text += letter.empty() ? "(no letter in the answer)\n" : letter + "\n";
  if (rows.has(column::kText)) return text + indented(rows.at(column::kText)[place.row]) + "\n";
  const auto& logprobs = rows.at(column::kChoiceLogprobs);
  for (std::size_t c = 0; c < logprobs.width; ++c) {
    const double value = logprobs.values[place.row * logprobs.width + c];
    // NaN where other questions have more choices than this one.
    if (!std::isnan(value)) text += fmt::format("  {} {:.4f}\n", static_cast<char>('A' + c), value);
  }
  return text;
}

}  // namespace

std::string show_question(const Study& study, const ShowQuestion& asked) {
  const store::Predictions& p = study.predictions;
  const Place place = find_question(p, asked);
  const store::Table& items = p.items.at(place.task);
  const auto cells = cells_of(p, place, asked);
  const task::Task task = results::task_of(p, place.task);
  const results::ItemRoles roles = results::roles_of(task.kind);
  std::string text = head_of(items, place, task) + prompt_text(p, place, cells);
  for (const Cell* cell : cells) {
    const bool once = cell->second.attributes.contains("computed_once");
    text += fmt::format("\n== {}, {}: ", cell->first.arm,
                        once ? "every seed" : fmt::format("seed {}", cell->first.seed));
    const std::string& gold = items.at(roles.gold)[place.row];
    const results::Primary primary = results::primary_of(p);
    const auto told = [&](const store::Table& rows) {
      return task.kind == task::Kind::choice ? choice_answer(rows, place)
                                             : sql_answer(rows, place, gold, primary, asked.diff);
    };
    text += cell->second.sampled() ? sampled_answers(cell->second, place, task.kind, told)
                                   : told(cell->second.rows);
    const std::string& overflow = cell->second.rows.at(column::kOverflow)[place.row];
    if (!overflow.empty()) text += indented("prompt: " + overflow) + "\n";
  }
  return text;
}

}  // namespace tradeoff::report
