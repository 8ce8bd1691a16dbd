// Preloaded into a program: the nth call that touches a file under FAULT_FOLDER goes wrong.
//   FAULT=KIND:N   eio | enospc | eintr: it fails with that error; short: a write takes half of its
//                  bytes; torn: a write takes half, NULs follow, and the process is killed, as a
//                  power cut leaves it; kill: the process is killed before the call; pause: it is
//                  stopped before the call (SIGSTOP), and goes on when it is told to; sleep: the
//                  calling thread sleeps for FAULT_SECONDS; memory: not a file's call, but the nth
//                  tensor of a page or more finds no memory, nor does any after it; none: nothing
//                  happens
//   FAULT_PATH     calls count only where the path holds one of these words ("a|b"); without it all
//                  but those on heartbeat files, which come by the clock
//   FAULT_RANK     only in this rank of a launcher
//   FAULT_COUNT    a file that gets the number of calls (memory:0: of such tensors) when the
//                  process ends by itself
// short and torn are EIO where the call is no write. FAULT_SERVER: see fork_server.cpp.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "fail_nth.hpp"

namespace {

enum class Fault { none, eio, enospc, eintr, part, torn, kill, pause, sleep, memory };

struct Plan {
  std::string folder, count_file;
  std::vector<std::string> words;
  unsigned seconds = 0;
  Fault fault = Fault::none;
  long nth = 0;
  std::atomic<long> calls = 0;

  Plan() {
    if (const char* text = std::getenv("FAULT_FOLDER")) folder = text;
    if (const char* text = std::getenv("FAULT_COUNT")) count_file = text;
    if (const char* text = std::getenv("FAULT_PATH")) take_words(text);
    if (const char* text = std::getenv("FAULT_SECONDS")) seconds = std::atoi(text);
    const char* rank = std::getenv("FAULT_RANK");
    const char* own = std::getenv("OMPI_COMM_WORLD_RANK");
    if (rank && own && std::strcmp(rank, own) != 0) folder.clear();
    const char* text = std::getenv("FAULT");
    if (!text) return;
    const std::string given = text;
    const std::size_t colon = given.find(':');
    const std::string kind = given.substr(0, colon);
    if (colon != std::string::npos) nth = std::strtol(given.c_str() + colon + 1, nullptr, 10);
    if (kind == "eio") fault = Fault::eio;
    if (kind == "enospc") fault = Fault::enospc;
    if (kind == "eintr") fault = Fault::eintr;
    if (kind == "short") fault = Fault::part;
    if (kind == "torn") fault = Fault::torn;
    if (kind == "kill") fault = Fault::kill;
    if (kind == "pause") fault = Fault::pause;
    if (kind == "sleep") fault = Fault::sleep;
    if (kind == "memory") fault = Fault::memory;
  }
  void take_words(std::string text) {
    for (std::size_t bar = text.find('|'); bar != std::string::npos; bar = text.find('|')) {
      words.push_back(text.substr(0, bar));
      text.erase(0, bar + 1);
    }
    words.push_back(text);
  }
  bool counts(const char* path) const {
    if (words.empty()) return !std::strstr(path, "/heartbeat/");
    for (const std::string& word : words)
      if (std::strstr(path, word.c_str())) return true;
    return false;
  }
};

Plan*& current() {
  static Plan* one = new Plan;
  return one;
}

Plan& plan() {
  return *current();
}

template <typename F>
F* real(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

struct AtExit {
  ~AtExit() { tell_calls(); }
} at_exit;

// Whether this call is the one.
bool due(const char* path) {
  Plan& p = plan();
  if (p.fault == Fault::memory || p.folder.empty() || !path ||
      std::strncmp(path, p.folder.c_str(), p.folder.size()) != 0)
    return false;
  if (!p.counts(path) || ++p.calls != p.nth) return false;
  if (p.fault == Fault::pause) ::kill(::getpid(), SIGSTOP);
  // A signal ends a sleep early.
  if (p.fault == Fault::sleep)
    for (unsigned left = p.seconds; left > 0;) left = ::sleep(left);
  return p.fault != Fault::none && p.fault != Fault::pause && p.fault != Fault::sleep;
}

bool due(int fd) {
  if (plan().fault == Fault::memory || plan().folder.empty()) return false;
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = ::readlink(link, path, sizeof path - 1);
  if (size < 0) return false;
  path[size] = 0;
  return due(path);
}

// What a call that writes nothing does when it is the one.
void go_wrong() {
  if (plan().fault == Fault::kill) ::kill(::getpid(), SIGKILL);
  errno = plan().fault == Fault::enospc ? ENOSPC : plan().fault == Fault::eintr ? EINTR : EIO;
}

// What LibTorch's allocator on the CPU asks for; smaller tensors are numbers and shapes.
constexpr std::size_t kTensorAlignment = 64, kPage = 4096;

}  // namespace

void plan_again() {
  current() = new Plan;
}

void tell_calls() {
  if (plan().count_file.empty() || plan().calls == 0) return;
  const std::string text = std::to_string(plan().calls) + "\n";
  const int fd = real<int(const char*, int, ...)>("open")(plan().count_file.c_str(),
                                                          O_WRONLY | O_CREAT | O_TRUNC, 0644);
  (void)real<ssize_t(int, const void*, size_t)>("write")(fd, text.data(), text.size());
}

extern "C" {

int posix_memalign(void** memory, size_t alignment, size_t size) {
  Plan& p = plan();
  const bool tensor = alignment == kTensorAlignment && size >= kPage;
  if (p.fault == Fault::memory && tensor && !p.folder.empty()) {
    const long call = ++p.calls;
    if (p.nth > 0 && call >= p.nth) return ENOMEM;
  }
  return real<int(void**, size_t, size_t)>("posix_memalign")(memory, alignment, size);
}

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
  va_end(more);
  if (due(path)) return go_wrong(), -1;
  return real<int(const char*, int, ...)>("open")(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
  va_end(more);
  if (due(path)) return go_wrong(), -1;
  return real<int(const char*, int, ...)>("open64")(path, flags, mode);
}

FILE* fopen(const char* path, const char* mode) {
  if (due(path)) return go_wrong(), nullptr;
  return real<FILE*(const char*, const char*)>("fopen")(path, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  if (due(path)) return go_wrong(), nullptr;
  return real<FILE*(const char*, const char*)>("fopen64")(path, mode);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  const auto call = real<ssize_t(int, const void*, size_t)>("write");
  if (!due(fd)) return call(fd, bytes, size);
  const Fault fault = plan().fault;
  if (fault == Fault::part && size > 1) return call(fd, bytes, size / 2);
  if (fault == Fault::torn) {
    (void)call(fd, bytes, size / 2);
    const std::string nuls(size - size / 2, '\0');
    (void)call(fd, nuls.data(), nuls.size());
    ::kill(::getpid(), SIGKILL);
  }
  return go_wrong(), -1;
}

size_t fwrite(const void* bytes, size_t size, size_t count, FILE* file) {
  const auto call = real<size_t(const void*, size_t, size_t, FILE*)>("fwrite");
  if (!due(::fileno(file))) return call(bytes, size, count, file);
  const Fault fault = plan().fault;
  const std::size_t half = size * count / 2;
  if (fault == Fault::part || fault == Fault::torn) (void)call(bytes, 1, half, file);
  if (fault == Fault::torn) {
    const std::string nuls(size * count - half, '\0');
    (void)call(nuls.data(), 1, nuls.size(), file);
    std::fflush(file);
    ::kill(::getpid(), SIGKILL);
  }
  go_wrong();
  return fault == Fault::part && size ? half / size : 0;
}

int fflush(FILE* file) {
  if (file && due(::fileno(file))) return go_wrong(), EOF;
  return real<int(FILE*)>("fflush")(file);
}

int fsync(int fd) {
  if (due(fd)) return go_wrong(), -1;
  return real<int(int)>("fsync")(fd);
}

int fdatasync(int fd) {
  if (due(fd)) return go_wrong(), -1;
  return real<int(int)>("fdatasync")(fd);
}

int rename(const char* from, const char* to) {
  if (due(from)) return go_wrong(), -1;
  return real<int(const char*, const char*)>("rename")(from, to);
}

int mkdir(const char* path, mode_t mode) {
  if (due(path)) return go_wrong(), -1;
  return real<int(const char*, mode_t)>("mkdir")(path, mode);
}

int unlink(const char* path) {
  if (due(path)) return go_wrong(), -1;
  return real<int(const char*)>("unlink")(path);
}

int remove(const char* path) {
  if (due(path)) return go_wrong(), -1;
  return real<int(const char*)>("remove")(path);
}

int flock(int fd, int operation) {
  if (due(fd)) return go_wrong(), -1;
  return real<int(int, int)>("flock")(fd, operation);
}

void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  if (fd >= 0 && due(fd)) return go_wrong(), MAP_FAILED;
  return real<void*(void*, size_t, int, int, int, off_t)>("mmap")(address, size, protection, flags,
                                                                  fd, offset);
}

}  // extern "C"
