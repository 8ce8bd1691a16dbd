#include "tradeoff/config/job.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/file_name.hpp"
#include "tradeoff/config/own_tasks.hpp"

namespace tradeoff::config {
namespace {

constexpr std::string_view kArm = "arm.", kTrainFile = "train";

bool is_arm(std::string_view section) {
  return section.starts_with(kArm);
}

// Names become folders and HDF5 groups.
bool is_name(std::string_view name) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  };
  return is_file_name(name) && std::ranges::all_of(name, allowed);
}

// Settings that several jobs share stand in a file of their own, such as
// configs/train/qlora-50.ini.
void set_from_file(const std::filesystem::path& job, const Setting& setting, OptionTable& table,
                   Problems& problems) {
  try {
    const auto path = job.parent_path() / setting.text;
    for (const Setting& shared : read_ini(path, problems).settings) table.set(shared, problems);
  } catch (const Error& error) {
    problems.add(setting.where + ": " + setting.key, error.what());
  }
}

}  // namespace

JobFile JobFile::read(const std::filesystem::path& path, Problems& problems) {
  JobFile job;
  job.file_ = read_ini(path, problems);
  for (const IniSection& section : job.file_.sections) {
    if (!is_arm(section.name)) continue;
    const std::string name = section.name.substr(kArm.size());
    if (!is_name(name))
      problems.add(section.where,
                   fmt::format("found arm \"{}\", expected a name of letters, digits, "
                               "-, _ and dots, not first; at most {} bytes",
                               name, kMaxNameBytes));
    job.arms_.push_back(name);
  }
  return job;
}

void JobFile::bind_base(OptionTable& table, Problems& problems) const {
  std::vector<std::string> known;
  for (const Option* option : table.options())
    if (!option->section().empty() && (known.empty() || known.back() != option->section()))
      known.push_back(option->section());
  std::vector<std::string> strange;
  for (const IniSection& section : file_.sections) {
    if (is_arm(section.name) || is_own_task(section.name) ||
        std::ranges::find(known, canonical(section.name)) != known.end())
      continue;
    strange.push_back(section.name);
    problems.add(section.where, fmt::format("unknown section [{}]{}", section.name,
                                            suggestion(canonical(section.name), known)));
  }
  // One line for an unknown section; its keys would only repeat it.
  for (const Setting& setting : file_.settings)
    if (!is_arm(setting.section) && !is_own_task(setting.section) &&
        std::ranges::find(strange, setting.section) == strange.end())
      table.set(setting, problems);
}

void JobFile::bind_arm(std::string_view arm, OptionTable& table, Problems& problems) const {
  OptionTable none;
  bind_arm(arm, table, none, problems);
}

void JobFile::bind_arm(std::string_view arm, OptionTable& table, OptionTable& own_keys,
                       Problems& problems) const {
  if (std::ranges::find(arms_, arm) == arms_.end())
    fail(fmt::format("{}: no section [arm.{}]", path().string(), arm));
  for (const Setting& setting : file_.settings)
    if (!is_arm(setting.section) && !is_own_task(setting.section))
      table.set(setting, problems, Unknown::ignore);
  std::vector<Setting> own;
  for (Setting setting : file_.settings) {
    if (setting.section != std::string(kArm) + std::string(arm)) continue;
    setting.layer += "#" + setting.section;
    if (canonical(setting.key) == kTrainFile)
      set_from_file(path(), setting, table, problems);
    else
      own.push_back(std::move(setting));
  }
  for (const Setting& setting : own) {
    const bool of_arm = own_keys.find("", setting.key) != nullptr;
    (of_arm ? own_keys : table).set(setting, problems);
  }
}

std::string JobFile::where(std::string_view arm) const {
  for (const IniSection& section : file_.sections)
    if (is_arm(section.name) && section.name.substr(kArm.size()) == arm) return section.where;
  fail(fmt::format("{}: no section [arm.{}]", path().string(), arm));
}

}  // namespace tradeoff::config
