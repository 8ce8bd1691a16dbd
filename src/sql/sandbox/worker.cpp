#include "worker.hpp"

#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include "clock_vfs.hpp"
#include "sandbox.hpp"
#include "wire.hpp"

namespace tradeoff::sql {
namespace {

volatile pid_t parent_pid = 0;

// Raised when the thread that started this worker ends, which is not always the end of its process.
void leave_if_orphaned(int) {
  if (::getppid() != parent_pid) ::_exit(0);
}

void die_with(pid_t parent) {
  parent_pid = parent;
  struct sigaction action {};
  action.sa_handler = leave_if_orphaned;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGUSR1, &action, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGUSR1);
  leave_if_orphaned(0);
  // Signals meant for the whole job (Ctrl-C, Slurm's SIGTERM) are the parent's business: a worker
  // that obeyed them would turn good predictions into crashed ones.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR2, SIGPIPE})
    std::signal(signal, SIG_IGN);
}

void limit(int resource, rlim_t value) {
  struct rlimit present {};
  ::getrlimit(static_cast<__rlimit_resource_t>(resource), &present);
  present.rlim_cur = std::min(value, present.rlim_max);
  present.rlim_max = present.rlim_cur;
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &present);
}

void shut_in() {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
// A sanitizer's shadow memory alone is terabytes.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  limit(RLIMIT_AS, rlim_t{4} << 30);
#endif
  // Whatever the parent left open without close-on-exec: MPI's and CUDA's descriptors.
  ::close_range(wire::kWorkerSocket + 1, ~0U, 0);
}

// A statement cannot outlive its deadline by much even if the parent hangs: CPU seconds, reset per
// request.
void limit_cpu(double timeout_s) {
  struct rusage used {};
  ::getrusage(RUSAGE_SELF, &used);
  struct rlimit cpu {};
  ::getrlimit(RLIMIT_CPU, &cpu);
  cpu.rlim_cur = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec + timeout_s + 3);
  ::setrlimit(RLIMIT_CPU, &cpu);
}

bool receive(int socket, void* into, std::size_t size) {
  auto* at = static_cast<char*>(into);
  while (size > 0) {
    const ssize_t got = ::recv(socket, at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool send_all(int socket, const void* head, std::size_t head_size, const std::string& payload) {
  iovec parts[2] = {{const_cast<void*>(head), head_size},
                    {const_cast<char*>(payload.data()), payload.size()}};
  std::size_t left = head_size + payload.size();
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  while (left > 0) {
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    left -= static_cast<std::size_t>(sent);
    std::size_t done = static_cast<std::size_t>(sent);
    for (iovec& part : parts) {
      const std::size_t step = std::min(done, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + step;
      part.iov_len -= step;
      done -= step;
    }
  }
  return true;
}

}  // namespace

int serve(int socket, int parent, const std::string& extra_function) {
  die_with(parent);
  shut_in();
  register_clockless_vfs();
  const wire::Hello hello{wire::kMagic, sqlite3_libversion_number()};
  if (!send_all(socket, &hello, sizeof hello, {})) return 1;
  DatabaseCache databases(extra_function);
  wire::Request request;
  std::string text;
  while (receive(socket, &request, sizeof request)) {
    if (request.magic != wire::kMagic) return 1;
    text.resize(std::size_t{request.path_bytes} + request.sql_bytes);
    if (!receive(socket, text.data(), text.size())) return 1;
    limit_cpu(request.timeout_s);
    Answer answer = databases.run(request, text.substr(0, request.path_bytes),
                                  std::string_view(text).substr(request.path_bytes));
    answer.head.payload_bytes = answer.payload.size();
    if (!send_all(socket, &answer.head, sizeof answer.head, answer.payload)) return 1;
  }
  return 0;
}

}  // namespace tradeoff::sql
