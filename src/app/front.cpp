// The program `tradeoff`. Loading LibTorch takes half a second, several times what scoring a whole
// file takes: `score` runs here without it, everything else in `tradeoff-full` beside this file.
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
#include "score.hpp"

namespace {

using namespace tradeoff::app;

// Ranks of a launcher have to join it: the whole program does.
bool launched() {
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"})
    if (std::getenv(variable)) return true;
  return false;
}

int score(const std::vector<std::string>& words) {
  std::function<void()> work;
  try {
    work = score_of(words);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", message("score", error));
    return kUsage;
  }
  try {
    if (work) work();
    return kComplete;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", message("score", error));
    return kFailed;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "score" && !launched())
    return score(std::vector<std::string>(argv + 2, argv + argc));
  const auto full = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tradeoff-full";
  ::execv(full.c_str(), argv);
  fmt::print(stderr, "tradeoff: {}: {}; it is built with this program (target tradeoff)\n",
             full.string(), std::strerror(errno));
  return kFailed;
}
