#include "tradeoff/base/file_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/host_name.hpp"
#include "tradeoff/base/log.hpp"
#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff {
namespace {

namespace fs = std::filesystem;
constexpr auto kPause = std::chrono::milliseconds(50);

// Tries until the lock is there, or `patience` runs out and `held` tells by whom.
template <typename Try, typename Held>
void wait_for(const fs::path& path, std::chrono::milliseconds patience, Try try_once, Held held) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + patience;
  for (bool told = false; !try_once(); told = true) {
    if (Clock::now() >= deadline) fail(held());
    if (!told) log::info("waiting for the holder of {}", path.string());
    std::this_thread::sleep_for(kPause);
  }
}

std::string this_process() {
  return fmt::format("process {} on {}", ::getpid(), host_name());
}

// Who wrote it, as far as it can still be read.
std::string holder_of(const fs::path& held) {
  try {
    std::string text = read_text(held);
    return text.empty() ? "another process" : text;
  } catch (const Error&) {
    return "another process";
  }
}

}  // namespace

FileLock::FileLock(const fs::path& path, LockKind kind, std::chrono::milliseconds patience) {
  if (path.has_parent_path()) fs::create_directories(path.parent_path());
  if (kind == LockKind::flock) take_flock(path, patience);
  if (kind == LockKind::file) take_file(path, patience);
  static bool told = false;
  if (kind == LockKind::none && !std::exchange(told, true))
    log::warn(
        "--lock none: nothing keeps a second process out of {}; two at a time would mix "
        "their results",
        path.has_parent_path() ? path.parent_path().string() : ".");
}

void FileLock::take_flock(const fs::path& path, std::chrono::milliseconds patience) {
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  check_errno(fd_, "open " + path.string());
  const auto try_once = [&] {
    while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return false;
      if (errno == EINTR) continue;
      fail(fmt::format(
          "{}: flock: {}; this file system gives no locks. Put the output on another one, mount it "
          "with locks, or choose --lock file (a file says that the folder is in use; a killed "
          "process leaves it behind) or --lock none (two processes at a time would mix their "
          "results)",
          path.string(), std::strerror(errno)));
    }
    return true;
  };
  try {
    wait_for(path, patience, try_once, [&] {
      return path.string() + ": another process holds this lock; wait for it, or stop it";
    });
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

// O_EXCL is one step on every file system, NFS included.
void FileLock::take_file(const fs::path& path, std::chrono::milliseconds patience) {
  const fs::path held = path.string() + ".held";
  const auto try_once = [&] {
    const int fd = ::open(held.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST) return false;
    check_errno(fd, "open " + held.string());
    const std::string text = this_process();
    const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int code = errno;
    ::close(fd);
    if (!written) {
      ::unlink(held.c_str());
      fail(fmt::format("write {}: {}", held.string(), std::strerror(code)));
    }
    return true;
  };
  wait_for(path, patience, try_once, [&] {
    return fmt::format(
        "{}: {} holds this lock; wait for it, or stop it. Where it was killed, "
        "delete the file",
        held.string(), holder_of(held));
  });
  held_ = held;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
  if (!held_.empty()) ::unlink(held_.c_str());
}

}  // namespace tradeoff
