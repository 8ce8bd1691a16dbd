#pragma once
#include <chrono>
#include <filesystem>

namespace tradeoff {

/// What keeps two processes apart.
enum class LockKind {
  flock,  // the kernel's lock, which ends with its process; some file systems have none
  file,   // a file that is there while the lock is held; a killed process leaves it behind
  none,   // nothing: two processes at a time mix their results
};

/// Exclusive while it lives, between all that name the same `path` and kind. Waits up to `patience`
/// for a holder, then throws Error saying who holds what; the ranks of a killed launcher live on
/// for seconds, so a restart must be patient. A file system that gives no lock is an Error at once.
class FileLock {
 public:
  FileLock(const std::filesystem::path& path, LockKind kind,
           std::chrono::milliseconds patience = std::chrono::seconds(30));
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  void take_flock(const std::filesystem::path& path, std::chrono::milliseconds patience);
  void take_file(const std::filesystem::path& path, std::chrono::milliseconds patience);

  int fd_ = -1;
  // The file that says the lock is held; empty where there is none.
  std::filesystem::path held_;
};

}  // namespace tradeoff
