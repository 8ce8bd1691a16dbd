// The program `tradeoff`. Loading LibTorch takes half a second and half a gigabyte, several times
// what scoring a whole file or reporting a study takes: `score`, `report`, `plan` and `compare` run
// here without it, everything else in `tradeoff-full` beside this file.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "exit_codes.hpp"
#include "message.hpp"
#include "reports.hpp"
#include "score.hpp"

namespace {

using namespace tradeoff::app;

// Ranks of a launcher have to join it: the whole program does.
bool launched() {
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"})
    if (std::getenv(variable)) return true;
  return false;
}

struct LightCommand {
  std::string_view name;
  std::function<void()> (*work_of)(std::span<const std::string> words);
};
constexpr LightCommand kLight[] = {
    {"score", score_of}, {"report", report_of}, {"plan", plan_of}, {"compare", compare_of}};

int run(const LightCommand& command, const std::vector<std::string>& words) {
  const std::string name(command.name);
  std::function<void()> work;
  try {
    work = command.work_of(words);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", message(name, error));
    return kUsage;
  }
  try {
    if (work) work();
    return kComplete;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", message(name, error));
    return kFailed;
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (const LightCommand& command : kLight) {
    if (argc > 1 && argv[1] == command.name && !launched())
      return run(command, std::vector<std::string>(argv + 2, argv + argc));
  }
  const auto full = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tradeoff-full";
  ::execv(full.c_str(), argv);
  fmt::print(stderr, "tradeoff: {}: {}; it is built with this program (target tradeoff)\n",
             full.string(), std::strerror(errno));
  return kFailed;
}
