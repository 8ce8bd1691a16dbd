#pragma once
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace tradeoff {

/// A file that appears at its final name whole or not at all: written beside it as
/// `<name>.tmp-<pid>`, fsynced, renamed, and the folder fsynced, by commit(). Without commit() the
/// destructor removes it.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws Error naming the path on a short write (disk full).
  void write(std::string_view bytes);
  void commit();
  const std::filesystem::path& temporary() const { return temporary_; }

 private:
  std::filesystem::path path_, temporary_;
  std::FILE* file_ = nullptr;
};

/// AtomicFile in one call.
void write_atomically(const std::filesystem::path& path, std::string_view bytes);
/// fsyncs a file that a library wrote at `temporary`, renames it to `path`, fsyncs the folder.
void publish(const std::filesystem::path& temporary, const std::filesystem::path& path);

}  // namespace tradeoff
