#include "worker_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tradeoff/base/error.hpp"
#include "wire.hpp"

namespace tradeoff::sql {
namespace {

constexpr auto kStartPatience = std::chrono::seconds(20);
constexpr std::size_t kReadBytes = 64 << 10;
// A query that takes longer may run on any core.
constexpr int kShortQueryMs = 2;

// The worker gets no environment of ours but what its loader and sanitizers need.
std::vector<std::string> worker_environment() {
  std::vector<std::string> environment = {"TZ=UTC", "LC_ALL=C"};
  for (const char* name : {"LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"})
    if (const char* value = std::getenv(name))
      environment.push_back(fmt::format("{}={}", name, value));
  return environment;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

std::filesystem::path find_worker(const std::filesystem::path& given) {
  std::filesystem::path worker = given;
  if (worker.empty()) {
    if (const char* named = std::getenv("TRADEOFF_SQL_WORKER"); named && *named) worker = named;
  }
  if (worker.empty())
    worker = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tradeoff-sql-worker";
  if (::access(worker.c_str(), X_OK) != 0)
    fail(fmt::format(
        "{}: {}; SQL runs in this program: build it (target tradeoff-sql-worker), or name "
        "it in TRADEOFF_SQL_WORKER",
        worker.string(), std::strerror(errno)));
  return worker;
}

WorkerProcess::WorkerProcess(const std::filesystem::path& program)
    : buffer_(std::make_unique_for_overwrite<char[]>(kReadBytes)) {
  spawn(program);
  wire::Hello hello{0, 0};
  const auto got =
      receive(reinterpret_cast<char*>(&hello), sizeof hello, Clock::now() + kStartPatience);
  if (got != Received::all || hello.magic != wire::kMagic) {
    const char* found = got == Received::died   ? "it ended"
                        : got == Received::late ? "it said nothing"
                                                : "it is of another build";
    end();
    fail(fmt::format("{}: expected the SQL worker's hello, but {}", program.string(), found));
  }
}

void WorkerProcess::spawn(const std::filesystem::path& program) {
  int ends[2];
  check_errno(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
  socket_ = ends[0];
  // dup2 onto itself would keep close-on-exec.
  if (ends[1] == wire::kWorkerSocket) {
    const int other = ::fcntl(ends[1], F_DUPFD_CLOEXEC, wire::kWorkerSocket + 1);
    ::close(ends[1]);
    ends[1] = other;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], wire::kWorkerSocket);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> arguments = {program.string(), std::to_string(::getpid())};
  std::vector<std::string> environment = worker_environment();
  const int code = ::posix_spawn(&pid_, program.c_str(), &actions, &attributes,
                                 pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(ends[1]);
  if (code != 0) {
    pid_ = -1;
    ::close(socket_);
    socket_ = -1;
    fail(fmt::format("posix_spawn({}): {}", program.string(), std::strerror(code)));
  }
  pid_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
}

WorkerProcess::~WorkerProcess() {
  end();
}

void WorkerProcess::end() {
  if (socket_ >= 0) ::close(socket_);
  if (pid_ > 0) {
    if (pid_fd_ < 0 || ::syscall(SYS_pidfd_send_signal, pid_fd_, SIGKILL, nullptr, 0) != 0)
      ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (pid_fd_ >= 0) ::close(pid_fd_);
  pid_ = pid_fd_ = socket_ = -1;
}

bool WorkerProcess::send(std::span<const std::string_view> parts) {
  share_core();
  std::array<iovec, 4> vectors{};
  std::size_t left = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
    left += parts[i].size();
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = parts.size();
  while (left > 0) {
    const ssize_t sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    left -= static_cast<std::size_t>(sent);
    std::size_t done = static_cast<std::size_t>(sent);
    for (iovec& part : vectors) {
      const std::size_t step = std::min(done, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + step;
      part.iov_len -= step;
      done -= step;
    }
  }
  return true;
}

// Asker and worker take turns: on one core the turn changes without waking a sleeping one, which
// costs more than an ordinary query.
void WorkerProcess::share_core() {
  const int core = ::sched_getcpu();
  if (core < 0 || core == core_) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(core), &one);
  if (::sched_setaffinity(pid_, sizeof one, &one) == 0) core_ = core;
}

void WorkerProcess::leave_core() {
  cpu_set_t all;
  if (core_ >= 0 && ::sched_getaffinity(0, sizeof all, &all) == 0)
    ::sched_setaffinity(pid_, sizeof all, &all);
  core_ = -1;
}

WorkerProcess::Received WorkerProcess::receive(char* out, std::size_t size,
                                               Clock::time_point deadline) {
  while (size > 0) {
    if (used_ < filled_) {
      const std::size_t step = std::min(size, filled_ - used_);
      std::memcpy(out, buffer_.get() + used_, step);
      used_ += step;
      out += step;
      size -= step;
      continue;
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    const bool first = core_ >= 0;
    if (first) left = std::min<long long>(left, kShortQueryMs);
    pollfd watched[2] = {{socket_, POLLIN, 0}, {pid_fd_, POLLIN, 0}};
    const int ready = ::poll(watched, pid_fd_ >= 0 ? 2 : 1,
                             static_cast<int>(std::clamp<long long>(left, 0, 1 << 30)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return Received::died;
    if (ready == 0 && first) {
      leave_core();
      continue;
    }
    if (ready == 0) return Received::late;
    if (!(watched[0].revents & (POLLIN | POLLHUP))) return Received::died;
    const ssize_t got = ::recv(socket_, buffer_.get(), kReadBytes, 0);
    used_ = 0;
    filled_ = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Received::died;
  }
  return Received::all;
}

}  // namespace tradeoff::sql
