#include "trust.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/log.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

// A full study of 100,000 rows takes one.
constexpr unsigned kPatienceS = 60;

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

[[noreturn]] void be_the_child(const std::function<void()>& read) {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::signal(SIGALRM, SIG_DFL);
  for (const int crash : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::signal(crash, SIG_DFL);
  ::alarm(kPatienceS);
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
  const pid_t child = ::fork();
  check_errno(child, "fork");
  if (child == 0) be_the_child(read);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) check(errno == EINTR, "waitpid");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (signal == SIGALRM) {
    fail(fmt::format("{}: reading it took more than {} s: damaged, or no result file",
                     path.string(), kPatienceS));
  }
  fail(fmt::format("{}: the HDF5 library crashed on it ({}): the file is damaged", path.string(),
                   signal ? ::strsignal(signal) : "an exit by itself"));
}

}  // namespace tradeoff::store
