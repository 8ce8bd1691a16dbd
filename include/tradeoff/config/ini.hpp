#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tradeoff/config/problems.hpp"
#include "tradeoff/config/table.hpp"

namespace tradeoff::config {

struct IniSection {
  std::string name;
  std::string where;  // FILE:LINE of its header
};

struct IniFile {
  std::filesystem::path path;
  std::vector<IniSection> sections;  // in the order of the file, each once
  std::vector<Setting> settings;     // in the order of the file; layer is the path
};

/// Reads `key = value` lines under [section] headers. `#` or `;` starts a comment at the beginning
/// of a line, ` #` after a value. Blanks around key and value do not count; a value in double
/// quotes keeps its blanks and `#`. (Boost's reader of such files gives no line numbers.) Adds
/// every line that is none of these to `problems`. Throws Error when the file cannot be read.
IniFile read_ini(const std::filesystem::path& path, Problems& problems);

}  // namespace tradeoff::config
