#include "tradeoff/base/memory_limit.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <ranges>
#include <sstream>
#include <string>

namespace tradeoff {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();

// "max", and a missing file, are no limit; version 1 writes a number near 2^63.
std::int64_t number_in(const fs::path& file) {
  std::ifstream in(file);
  std::int64_t bytes = 0;
  return in >> bytes && bytes > 0 ? bytes : kNone;
}

std::int64_t least_upwards(const fs::path& mount, const fs::path& group, const char* file) {
  std::int64_t least = number_in(mount / file);
  fs::path folder = mount;
  for (const fs::path& part : group.relative_path()) {
    if (part == "..") break;  // a group outside this container
    folder /= part;
    least = std::min(least, number_in(folder / file));
  }
  return least;
}

// "controllers:path" of a line "number:controllers:path"; version 2 names no controller.
bool has_memory(std::string_view controllers) {
  for (const auto word : std::views::split(controllers, ','))
    if (std::string_view(word.begin(), word.end()) == "memory") return true;
  return false;
}

}  // namespace

std::int64_t cgroup_memory_limit(std::string_view membership, const fs::path& mount) {
  std::int64_t least = kNone;
  std::istringstream lines{std::string(membership)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    const fs::path group = line.substr(second + 1);
    if (controllers.empty()) least = std::min(least, least_upwards(mount, group, "memory.max"));
    if (has_memory(controllers)) {
      least = std::min(least, least_upwards(mount / "memory", group, "memory.limit_in_bytes"));
    }
  }
  return least;
}

std::int64_t usable_memory() {
  const auto machine =
      static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  std::ostringstream membership;
  membership << std::ifstream("/proc/self/cgroup").rdbuf();
  return std::min(machine, cgroup_memory_limit(membership.str(), "/sys/fs/cgroup"));
}

}  // namespace tradeoff
