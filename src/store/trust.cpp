#include "trust.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <optional>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/log.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

// Processor seconds that reading may take: a full study of 100,000 rows takes one.
constexpr rlim_t kPatienceS = 5;
constexpr std::uintmax_t kBytesPerSecond = 20'000'000;
// On a machine that gives it no time, or a file system that does not answer.
constexpr unsigned kWallClockS = 120;

// The SHA-256 that the study's completion record has for this file; nullopt where there is none.
std::optional<std::string> recorded_sha256(const fs::path& path) {
  const fs::path record = path.parent_path() / "complete.json";
  if (path.filename() != "predictions.h5" || !fs::exists(record)) return std::nullopt;
  try {
    return field<std::string>(read_json(record), "predictions_sha256");
  } catch (const Error& error) {
    log::warn("{}: {}; {} is read without it", record.string(), error.what(), path.string());
    return std::nullopt;
  }
}

rlim_t patience(const fs::path& path) {
  std::error_code unknown;
  const std::uintmax_t size = fs::file_size(path, unknown);
  return kPatienceS + (unknown ? 0 : static_cast<rlim_t>(size / kBytesPerSecond));
}

[[noreturn]] void be_the_child(const std::function<void()>& read, rlim_t seconds) {
  const rlimit none{0, 0}, processor{seconds, seconds + 2};
  ::setrlimit(RLIMIT_CORE, &none);
  ::setrlimit(RLIMIT_CPU, &processor);
  ::signal(SIGALRM, SIG_DFL);
  ::signal(SIGXCPU, SIG_DFL);
  for (const int crash : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::signal(crash, SIG_DFL);
  ::alarm(kWallClockS);
  try {
    read();
  } catch (const std::exception&) {
    // An error is no crash: the parent meets it too, and tells it.
  }
  ::_exit(0);
}

}  // namespace

void check_readable(const fs::path& path, const std::function<void()>& read) {
  if (const auto recorded = recorded_sha256(path)) {
    const std::string found = sha256_file(path);
    if (found == *recorded) return;
    fail(
        fmt::format("{}: its SHA-256 is {}, but complete.json beside it says {}: the file was "
                    "damaged or exchanged; `tradeoff run` gathers it again",
                    path.string(), found, *recorded));
  }
  const rlim_t seconds = patience(path);
  const pid_t child = ::fork();
  check_errno(child, "fork");
  if (child == 0) be_the_child(read, seconds);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) check(errno == EINTR, "waitpid");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (signal == SIGALRM || signal == SIGXCPU) {
    fail(fmt::format("{}: reading it took more than {} s: damaged, or no result file",
                     path.string(), signal == SIGALRM ? kWallClockS : seconds));
  }
  fail(fmt::format("{}: the HDF5 library crashed on it ({}): the file is damaged", path.string(),
                   signal ? ::strsignal(signal) : "an exit by itself"));
}

}  // namespace tradeoff::store
