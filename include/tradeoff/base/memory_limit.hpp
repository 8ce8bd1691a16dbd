#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace tradeoff {

/// The least memory limit in bytes of a process's control groups (version 1 and 2) and those above
/// them; the greatest number where there is none. `membership` is the text of /proc/PID/cgroup,
/// `mount` where control groups are mounted. A container may see its own group as the root.
std::int64_t cgroup_memory_limit(std::string_view membership, const std::filesystem::path& mount);

/// Memory in bytes that this process may use: the machine's, or less where a control group (a
/// batch job, a container) allows less.
std::int64_t usable_memory();

}  // namespace tradeoff
