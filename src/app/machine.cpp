#include "machine.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <thread>

namespace tradeoff::app {
namespace {

// The text after "KEY :" in /proc/cpuinfo or /proc/meminfo; "" where there is none.
std::string proc_line(const char* file, std::string_view key) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const auto name_end = line.find_last_not_of(" \t", colon - 1) + 1;
    if (std::string_view(line).substr(0, name_end) != key) continue;
    const auto value = line.find_first_not_of(" \t", colon + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

std::uint64_t meminfo_bytes(std::string_view key) {
  return std::strtoull(proc_line("/proc/meminfo", key).c_str(), nullptr, 10) * 1024;
}

unsigned usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return std::thread::hardware_concurrency();
  return static_cast<unsigned>(CPU_COUNT(&set));
}

std::vector<std::string> cpu_features() {
  // x86 says "flags", ARM "Features".
  std::string line = proc_line("/proc/cpuinfo", "flags");
  if (line.empty()) line = proc_line("/proc/cpuinfo", "Features");
  std::istringstream words(line);
  const std::vector<std::string> of_interest{"avx2",        "fma",      "avx512f", "avx512_bf16",
                                             "avx512_vnni", "amx_bf16", "asimd",   "bf16"};
  std::vector<std::string> found;
  for (std::string word; words >> word;)
    if (std::ranges::find(of_interest, word) != of_interest.end()) found.push_back(word);
  return found;
}

}  // namespace

Machine look_at_machine() {
  Machine machine;
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  machine.host = host;
  utsname system{};
  if (::uname(&system) == 0)
    machine.system = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  machine.processor = proc_line("/proc/cpuinfo", "model name");
  machine.cores = usable_cores();
  machine.machine_cores = std::thread::hardware_concurrency();
  if (const long online = ::sysconf(_SC_NPROCESSORS_ONLN); online > 0)
    machine.machine_cores = static_cast<unsigned>(online);
  machine.features = cpu_features();
  machine.memory_bytes = meminfo_bytes("MemTotal");
  machine.memory_free_bytes = meminfo_bytes("MemAvailable");
  machine.gpu = gpu_facts();
  return machine;
}

Json to_json(const Machine& machine) {
  Json gpus = Json::array();
  for (const Gpu& gpu : machine.gpu.gpus)
    gpus.push_back(
        {{"name", gpu.name},
         {"memory_bytes", gpu.memory_bytes},
         {"compute_capability", fmt::format("{}.{}", gpu.capability_major, gpu.capability_minor)}});
  return {{"host", machine.host},
          {"system", machine.system},
          {"processor", machine.processor},
          {"cores", machine.cores},
          {"machine_cores", machine.machine_cores},
          {"features", machine.features},
          {"memory_bytes", machine.memory_bytes},
          {"driver_cuda", machine.gpu.driver_cuda},
          {"gpus", gpus}};
}

}  // namespace tradeoff::app
