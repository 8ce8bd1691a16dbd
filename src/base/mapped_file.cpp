#include "tradeoff/base/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_size.hpp"

namespace tradeoff {

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  // A FIFO would wait for its writer; nothing else minds O_NONBLOCK.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  check_errno(fd, "open " + path.string());
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    fail(path.string() + ": not a regular file");
  }
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ > 0) {
    void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    ::close(fd);
    check_errno(mapped == MAP_FAILED ? -1 : 0, "mmap " + path.string());
    data_ = static_cast<const std::byte*>(mapped);
  } else {
    ::close(fd);
  }
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void check_size(const MappedFile& file, std::size_t mebibytes) {
  if (file.size() <= mebibytes << 20) return;
  fail(file.path().string() + ": has " + std::to_string(file.size()) + " bytes, expected at most " +
       std::to_string(mebibytes) + " MiB");
}

std::string read_text(const std::filesystem::path& path) {
  return std::string(MappedFile(path).text());
}

}  // namespace tradeoff
