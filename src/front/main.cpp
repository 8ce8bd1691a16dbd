// The program `tradeoff`. Loading LibTorch takes half a second and half a gigabyte, several times
// what scoring a whole file or reporting a study takes: `score`, `report`, `plan`, `compare` and
// `status` run here without it, everything else in `tradeoff-full` beside this file.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "tradeoff/base/launcher.hpp"
#include "tradeoff/front/commands.hpp"
#include "tradeoff/front/exit_codes.hpp"
#include "tradeoff/front/message.hpp"

namespace {

using namespace tradeoff::front;

using Words = std::span<const std::string>;

struct LightCommand {
  std::string_view name;
  std::function<int()> (*work_of)(Words words);
};

constexpr LightCommand kLight[] = {{"score", score_of},
                                   {"report", report_of},
                                   {"plan", plan_of},
                                   {"compare", compare_of},
                                   {"status", status_of}};

int run(const LightCommand& command, const std::vector<std::string>& words) {
  const std::string name(command.name);
  std::function<int()> work;
  try {
    work = command.work_of(words);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", message(name, error));
    return kUsage;
  }
  try {
    return work ? work() : kComplete;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", message(name, error));
    return kFailed;
  }
}

// A package of this program carries no LibTorch; the loader's own words would name some library.
bool lacks_torch(const std::filesystem::path& folder) {
  const auto prefix = folder.parent_path().parent_path();
  if (folder != prefix / "libexec/tradeoff" ||
      std::filesystem::exists(prefix / "lib/tradeoff/site/torch"))
    return false;
  fmt::print(stderr,
             "tradeoff: {0}/lib/tradeoff/site: no LibTorch there; {0}/share/tradeoff/jobs/fetch.sh "
             "torch brings it\n",
             prefix.string());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  // Ranks of a launcher have to join it: the whole program does.
  const bool alone = !tradeoff::launch_of_environment().of_mpi();
  for (const LightCommand& command : kLight) {
    if (argc > 1 && argv[1] == command.name && alone)
      return run(command, std::vector<std::string>(argv + 2, argv + argc));
  }
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  if (lacks_torch(folder)) return kFailed;
  const auto full = folder / "tradeoff-full";
  ::execv(full.c_str(), argv);
  fmt::print(stderr, "tradeoff: {}: {}; it is built with this program (target tradeoff)\n",
             full.string(), std::strerror(errno));
  return kFailed;
}
