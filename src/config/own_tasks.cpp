#include "tradeoff/config/own_tasks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/error.hpp"

namespace tradeoff::config {
namespace {

constexpr std::string_view kTask = "task.";
// Sections of a job file, and what stands beside tasks in results.
constexpr std::string_view kTaken[] = {"study",  "model", "train",  "training",
                                       "margin", "arms",  "hashes", "task"};

// False where the name cannot stand.
bool check_name(const std::string& name, const std::string& where, Problems& problems) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || name.size() > 40 || !std::ranges::all_of(name, letter))
    problems.add(where, fmt::format("found task \"{}\", expected a name of small letters, digits "
                                    "and _, at most 40",
                                    name));
  const bool taken = task::find_task(name) || std::ranges::find(kTaken, name) != std::end(kTaken);
  if (taken) problems.add(where, fmt::format("the name \"{}\" is taken", name));
  return !taken;
}

// kind = sql | choice | letter.
enum class ToldKind { sql, choice, letter };

void bind(OptionTable& table, ToldKind& kind, task::OwnData& data) {
  table
      .add_choice(
          "kind", &kind,
          Names<ToldKind>{
              {"sql", ToldKind::sql}, {"choice", ToldKind::choice}, {"letter", ToldKind::letter}},
          "How questions are answered")
      .required();
  table.add("items", &data.items, "The questions").required();
  table.add("databases", &data.databases, "Folder of SQLite databases");
  table.add("tables", &data.tables, "tables.json of the databases");
  table.add("train", &data.train, "Rows that solved examples are taken from");
  table.add("shots", &data.shots, "Solved examples before a question");
  table.add("group", &data.group, "The key that groups questions");
}

}  // namespace

bool is_own_task(std::string_view section) {
  return section.starts_with(kTask);
}

std::vector<OwnTask> own_tasks(const IniFile& file, Problems& problems) {
  std::vector<OwnTask> tasks;
  for (const IniSection& section : file.sections) {
    if (!is_own_task(section.name)) continue;
    const std::string name = section.name.substr(kTask.size());
    const bool usable = check_name(name, section.where, problems);
    task::OwnData data;
    ToldKind kind = ToldKind::sql;
    OptionTable table;
    table.section(section.name);
    bind(table, kind, data);
    // What is set has its line; what is missing has the section's.
    Problems missing;
    const std::size_t before = problems.lines().size();
    for (const Setting& setting : file.settings)
      if (setting.section == section.name) table.set(setting, problems);
    table.check_required(missing);
    for (const std::string& line : missing.lines()) problems.add(section.where, line);
    if (problems.lines().size() > before || !usable) continue;
    data.kind = kind == ToldKind::sql ? task::Kind::sql : task::Kind::choice;
    if (kind == ToldKind::letter) data.answer = task::Answer::letter;
    try {
      tasks.push_back({task::own_task(name, data),
                       {{"kind", kind == ToldKind::letter ? task::name_of(data.answer)
                                                          : task::name_of(data.kind)},
                        {"group", data.group}}});
    } catch (const Error& error) {
      problems.add(section.where, error.what());
    }
  }
  return tasks;
}

}  // namespace tradeoff::config
