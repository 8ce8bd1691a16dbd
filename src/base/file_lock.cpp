#include "tradeoff/base/file_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/log.hpp"

namespace tradeoff {

FileLock::FileLock(const std::filesystem::path& path, std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  check_errno(fd_, "open " + path.string());
  const auto deadline = Clock::now() + patience;
  for (bool told = false; ::flock(fd_, LOCK_EX | LOCK_NB) != 0; told = true) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) {
      const std::string why = std::strerror(errno);
      ::close(fd_);
      fail(
          fmt::format("{}: flock: {}; this file system gives no locks, so nothing would keep two "
                      "processes apart; put the output on another one, or mount it with locks",
                      path.string(), why));
    }
    if (Clock::now() >= deadline) {
      ::close(fd_);
      fail(path.string() + ": another process holds this lock; wait for it, or stop it");
    }
    if (!told) log::info("waiting for the holder of {}", path.string());
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

FileLock::~FileLock() {
  ::close(fd_);
}

}  // namespace tradeoff
