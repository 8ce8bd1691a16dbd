#pragma once
#include <chrono>
#include <filesystem>

namespace tradeoff {

/// An exclusive flock on `path` (created when missing), released by the destructor or when the
/// process ends. Waits up to `patience` for a holder, then throws Error saying who holds what; the
/// ranks of a killed launcher live on for seconds, so a restart must be patient.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path,
                    std::chrono::milliseconds patience = std::chrono::seconds(30));
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace tradeoff
