#include "tradeoff/base/atomic_file.hpp"

#include <fcntl.h>
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
}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path());
  temporary_ = path_.string() + ".tmp-" + std::to_string(::getpid());
  file_ = std::fopen(temporary_.c_str(), "wbe");
  check_errno(file_ ? 0 : -1, "create " + temporary_.string());
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
  std::FILE* file = std::exchange(file_, nullptr);
  const bool flushed = std::fflush(file) == 0;
  const bool closed = std::fclose(file) == 0;
  check_errno(flushed && closed ? 0 : -1, "write " + temporary_.string());
  publish(temporary_, path_);
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
