#include "tradeoff/config/table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tradeoff::config {
namespace {

std::string with_dashes(std::string name) {
  std::ranges::replace(name, '_', '-');
  return name;
}

std::vector<std::string> names_of(const Option& option) {
  std::vector<std::string> names = option.aliases();
  names.insert(names.begin(), option.name());
  return names;
}

bool goes_by(const Option& option, std::string_view name) {
  return option.name() == name ||
         std::ranges::find(option.aliases(), name) != option.aliases().end();
}

// Where a message about one key starts: files need the key, a command line has named it already.
std::string place_of(const Setting& setting) {
  return setting.layer.empty() ? setting.where : setting.where + ": " + setting.key;
}

// A relative path in a file is from the file's folder.
std::string text_of(const Setting& setting, const Option& option) {
  const std::filesystem::path path = setting.text;
  if (!option.is_path() || setting.folder.empty() || path.empty() || path.is_absolute())
    return setting.text;
  return (setting.folder / path).lexically_normal().string();
}

}  // namespace

OptionTable& OptionTable::section(std::string name) {
  section_ = canonical(name);
  return *this;
}

Option& OptionTable::insert(std::string name, std::string help, std::vector<std::string> aliases) {
  for (auto& alias : aliases) alias = canonical(alias);
  Option option(section_, canonical(name), std::move(help));
  option.aliases_ = std::move(aliases);
  for (const Entry& other : entries_)
    for (const auto& taken : names_of(option))
      if (other.option.section() == section_ && goes_by(other.option, taken))
        fail("config: the name \"" + taken + "\" stands twice in a table");
  return entries_.emplace_back(Entry{std::move(option), "", "", false}).option;
}

OptionTable& OptionTable::positional(std::string_view name) {
  positionals_.push_back(entry(name).option.full_name());
  return *this;
}

OptionTable& OptionTable::refuse(std::string name, std::string reason) {
  refusals_.push_back({section_ + "." + canonical(name), std::move(reason)});
  return *this;
}

const OptionTable::Refusal* OptionTable::refused(const Setting& setting) const {
  const std::string key = canonical(setting.key);
  const std::string full = key.find('.') == key.npos ? canonical(setting.section) + "." + key : key;
  const auto found = std::ranges::find(refusals_, full, &Refusal::full_name);
  return found == refusals_.end() ? nullptr : &*found;
}

std::vector<OptionTable::Entry*> OptionTable::lookup(std::string_view section, std::string_view key,
                                                     std::string* why) {
  std::string wanted = canonical(key), within = canonical(section);
  if (const auto dot = wanted.rfind('.'); dot != std::string::npos) {
    within = wanted.substr(0, dot);
    wanted.erase(0, dot + 1);
  }
  std::vector<Entry*> same_name;
  bool section_known = false;
  for (Entry& candidate : entries_) {
    section_known |= candidate.option.section() == within;
    if (!goes_by(candidate.option, wanted)) continue;
    if (candidate.option.section() == within) return {&candidate};
    same_name.push_back(&candidate);
  }
  // A section that the table does not know is a heading for the reader; a known one is meant, and
  // so is one written before the key.
  if (key.find('.') != key.npos) return {};
  if (!within.empty() && section_known)
    std::erase_if(same_name, [](const Entry* found) { return !found->option.section().empty(); });
  const bool shared = !same_name.empty() && std::ranges::all_of(same_name, [](const Entry* found) {
    return found->option.is_shared();
  });
  if (same_name.size() == 1 || shared) return same_name;
  if (!why) return {};
  if (same_name.size() > 1) {
    *why = "stands for several: write";
    for (const Entry* found : same_name)
      *why += (found == same_name.front() ? " " : " or ") + found->option.full_name();
    return {};
  }
  for (const Entry& other : entries_)
    if (goes_by(other.option, wanted)) *why = "belongs to [" + other.option.section() + "]";
  return {};
}

void OptionTable::set(const Setting& setting, Problems& problems, Unknown unknown) {
  if (const Refusal* refusal = refused(setting)) {
    if (unknown == Unknown::report) problems.add(place_of(setting), refusal->reason);
    return;
  }
  std::string why;
  const std::vector<Entry*> found = lookup(setting.section, setting.key, &why);
  if (found.empty()) {
    if (unknown == Unknown::report) report_unknown(setting, std::move(why), problems);
    return;
  }
  // What is wrong with a value is wrong for all that share it.
  for (Entry* entry : found)
    if (!set_entry(*entry, setting, problems)) return;
}

void OptionTable::report_unknown(const Setting& setting, std::string why,
                                 Problems& problems) const {
  const bool file = !setting.layer.empty();
  if (why.empty()) {
    std::vector<std::string> names;
    for (const Entry& known : entries_)
      std::ranges::copy(names_of(known.option), std::back_inserter(names));
    const std::string near = nearest(canonical(setting.key), names);
    if (!near.empty())
      why = "did you mean " + (file ? "\"" + near + "\"" : "--" + with_dashes(near)) + "?";
  }
  const std::string what = file ? fmt::format("unknown key \"{}\"", setting.key) : "unknown option";
  const std::string in = setting.section.empty() ? "" : fmt::format(" in [{}]", setting.section);
  problems.add(setting.where, what + in + (why.empty() ? "" : " (" + why + ")"));
}

// False where there is a problem.
bool OptionTable::set_entry(Entry& entry, const Setting& setting, Problems& problems) {
  const bool again = entry.given && entry.layer == setting.layer;
  if (again && !setting.layer.empty() && !entry.option.is_list()) {
    problems.add(place_of(setting), "stands twice, first at " + entry.where);
    return false;
  }
  entry.layer = setting.layer;
  entry.where = setting.where;
  const bool append = again && entry.option.is_list();
  entry.given = true;
  const std::string expected = entry.option.set(text_of(setting, entry.option), append);
  if (!expected.empty())
    problems.add(place_of(setting),
                 fmt::format("found \"{}\", expected {}", setting.text, expected));
  return expected.empty();
}

void OptionTable::check_required(Problems& problems, const std::filesystem::path& job) const {
  for (const Entry& known : entries_) {
    if (!known.option.is_required() || known.given) continue;
    const std::string name = known.option.full_name();
    const std::size_t dot = name.find('.');
    problems.add(job.empty() || dot == name.npos
                     ? "--" + with_dashes(name)
                     : fmt::format("{}: {} in [{}]", job.string(), name.substr(dot + 1),
                                   name.substr(0, dot)),
                 "missing; expected " + known.option.shown() + ": " + known.option.help());
  }
}

const Option* OptionTable::find(std::string_view section, std::string_view key,
                                std::string* why) const {
  const auto found = const_cast<OptionTable*>(this)->lookup(section, key, why);
  return found.empty() ? nullptr : &found.front()->option;
}

const OptionTable::Entry& OptionTable::entry(std::string_view name) const {
  std::string why = "unknown";
  const auto found = const_cast<OptionTable*>(this)->lookup("", name, &why);
  if (found.empty()) fail("config: the name \"" + std::string(name) + "\" " + why);
  return *found.front();
}

bool OptionTable::given(std::string_view name) const {
  return entry(name).given;
}

std::string OptionTable::where(std::string_view name) const {
  const Entry& known = entry(name);
  if (!known.given) return known.option.full_name() + " (default)";
  return known.layer.empty() ? known.where : known.where + ": " + known.option.name();
}

Json OptionTable::values() const {
  return collect(true);
}
Json OptionTable::record() const {
  return collect(false);
}

Json OptionTable::collect(bool with_local) const {
  Json all = Json::object();
  for (const Entry& known : entries_) {
    if (!with_local && !known.option.is_recorded()) continue;
    Json& place = known.option.section().empty() ? all : all[known.option.section()];
    place[known.option.name()] = known.option.value();
  }
  return all;
}

std::vector<const Option*> OptionTable::options() const {
  std::vector<const Option*> all;
  for (const Entry& known : entries_) all.push_back(&known.option);
  return all;
}

}  // namespace tradeoff::config
