#include "tradeoff/config/ini.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tradeoff/base/file_size.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::config {
namespace {

// Sections, keys and problems are looked up one by one.
constexpr std::size_t kMaxLines = 10000;
constexpr std::size_t kMostMiB = 16;

// In quotes, its first bytes, what cannot be printed escaped.
std::string shown(std::string_view line) {
  constexpr std::size_t kShown = 80;
  const std::string text = to_line(Json(std::string(line.substr(0, kShown))));
  return line.size() > kShown ? text + "..." : text;
}

// nullopt for a quoted value whose quote does not close.
std::optional<std::string> value_of(std::string_view text) {
  if (text.starts_with('"')) {
    const auto end = text.find('"', 1);
    if (end == std::string_view::npos) return std::nullopt;
    const auto rest = trim(text.substr(end + 1));
    if (!rest.empty() && rest.front() != '#') return std::nullopt;
    return std::string(text.substr(1, end - 1));
  }
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t'))
      return std::string(trim(text.substr(0, i)));
  return std::string(text);
}

}  // namespace

IniFile read_ini(const std::filesystem::path& path, Problems& problems) {
  IniFile file{path, {}, {}};
  const MappedFile mapped(path);
  check_size(mapped, kMostMiB);
  std::string_view rest = mapped.text();
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  std::string section;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::string where = fmt::format("{}:{}", path.string(), number);
    check(number <= kMaxLines,
          fmt::format("{}: found more than {} lines", path.string(), kMaxLines));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      const auto header = value_of(line);
      if (!header->ends_with(']') || trim(header->substr(1, header->size() - 2)).empty()) {
        problems.add(where, fmt::format("found {}, expected [section]", shown(line)));
        continue;
      }
      section = trim(std::string_view(*header).substr(1, header->size() - 2));
      const auto same = std::ranges::find(file.sections, section, &IniSection::name);
      if (same == file.sections.end())
        file.sections.push_back({section, where});
      else
        problems.add(where, fmt::format("[{}] stands twice, first at {}", section, same->where));
      continue;
    }
    const auto equals = line.find('=');
    const auto key = trim(line.substr(0, equals));
    if (equals == std::string_view::npos || key.empty()) {
      problems.add(where, fmt::format("found {}, expected key = value", shown(line)));
      continue;
    }
    const auto value = value_of(trim(line.substr(equals + 1)));
    if (!value) {
      problems.add(where, fmt::format("{}: a quoted value must end with its quote", key));
      continue;
    }
    file.settings.push_back(
        {section, std::string(key), *value, path.string(), where, path.parent_path()});
  }
  return file;
}

}  // namespace tradeoff::config
