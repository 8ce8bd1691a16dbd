#include "tradeoff/base/atomic_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "tradeoff/base/error.hpp"

namespace tradeoff {
namespace {
void sync_path(const std::filesystem::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  check_errno(fd, "open " + path.string());
  const int result = ::fsync(fd);
  ::close(fd);
  check_errno(result, "fsync " + path.string());
}

constexpr std::string_view kMark = ".tmp-";

bool is_linked(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) != 0 || info.st_nlink > 0;
}

// "NAME.tmp-123"; of any name where `name` is empty.
bool is_temporary(std::string_view found, std::string_view name) {
  const std::size_t mark = found.rfind(kMark);
  if (mark == std::string_view::npos || (!name.empty() && found.substr(0, mark) != name))
    return false;
  const std::string_view pid = found.substr(mark + kMark.size());
  return !pid.empty() && pid.find_first_not_of("0123456789") == std::string_view::npos;
}

// Its writer holds the lock until it ends, however it ends.
void remove_unless_written(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return;
  struct stat info {};
  const bool regular = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  if (regular && ::flock(fd, LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
  ::close(fd);
}
}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path());
  temporary_ = path_.string() + std::string(kMark) + std::to_string(::getpid());
  do {
    if (file_) std::fclose(file_);
    file_ = std::fopen(temporary_.c_str(), "wbe");
    check_errno(file_ ? 0 : -1, "create " + temporary_.string());
    (void)::flock(::fileno(file_), LOCK_EX | LOCK_NB);
    // Between the two calls another process may have taken it for a leftover.
  } while (!is_linked(::fileno(file_)));
}

AtomicFile::~AtomicFile() {
  if (!file_) return;
  std::fclose(file_);
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

void AtomicFile::write(std::string_view bytes) {
  const bool ok = std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size();
  check_errno(ok ? 0 : -1, "write " + temporary_.string());
}

void AtomicFile::commit() {
  check_errno(std::fflush(file_), "write " + temporary_.string());
  publish(temporary_, path_);
  // Only now, since closing gives the lock back; what a write can fail of, fsync has told.
  std::fclose(std::exchange(file_, nullptr));
}

void remove_leftovers_of(const std::filesystem::path& file) {
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (is_temporary(entry.path().filename().string(), file.filename().string()))
      remove_unless_written(entry.path());
  }
}

void remove_leftovers_in(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::recursive_directory_iterator at(folder, ignored), end;
  while (!ignored && at != end) {
    if (is_temporary(at->path().filename().string(), "")) remove_unless_written(at->path());
    at.increment(ignored);
  }
}

void write_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void publish(const std::filesystem::path& temporary, const std::filesystem::path& path) {
  sync_path(temporary, O_RDONLY);
  check_errno(::rename(temporary.c_str(), path.c_str()),
              "rename " + temporary.string() + " to " + path.string());
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  sync_path(folder, O_RDONLY | O_DIRECTORY);
}

}  // namespace tradeoff
