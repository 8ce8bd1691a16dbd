// fuzz_replay CORPUS TARGET: every file of CORPUS/TARGET is read again, each within the time that
// a reader has. A finding ends it (target.hpp).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <vector>

#include "target.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace {

namespace fs = std::filesystem;
constexpr double kPatienceS = 5;

void replay(const fs::path& folder, const tradeoff::fuzz::Target& target) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  tradeoff::check(files.size() >= 2, folder.string() + ": expected at least two files");
  for (const fs::path& file : files) {
    std::fputs(fmt::format("{}\n", file.string()).c_str(), stderr);
    const std::string bytes = tradeoff::read_text(file);
    const auto start = std::chrono::steady_clock::now();
    tradeoff::fuzz::run(target, bytes);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    tradeoff::check(took.count() < kPatienceS,
                    fmt::format("{}: read in {:.1f} s, expected less than {} s", file.string(),
                                took.count(), kPatienceS));
  }
  std::fputs(fmt::format("{}: {} files\n", target.name, files.size()).c_str(), stdout);
}

}  // namespace

int main(int count, char** words) {
  try {
    tradeoff::check(count == 3, "usage: fuzz_replay CORPUS TARGET");
    replay(fs::path(words[1]) / words[2], tradeoff::fuzz::target_of(words[2]));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
