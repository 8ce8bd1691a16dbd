#pragma once
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace tradeoff {

/// A file that appears at its final name whole or not at all: written beside it as
/// `<name>.tmp-<pid>`, fsynced, renamed, and the folder fsynced, by commit(). Without commit() the
/// destructor removes it. While it is written it is locked, so that what a kill left can be told
/// from what is being written.
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

/// Removes what killed writers left: of `file` alone, or of all files in `folder` and the folders
/// in it. What another process is writing stays. Where the file system has no locks nothing is
/// removed.
void remove_leftovers_of(const std::filesystem::path& file);
void remove_leftovers_in(const std::filesystem::path& folder);

/// AtomicFile in one call.
void write_atomically(const std::filesystem::path& path, std::string_view bytes);
/// fsyncs a file that a library wrote at `temporary`, renames it to `path`, fsyncs the folder.
void publish(const std::filesystem::path& temporary, const std::filesystem::path& path);

}  // namespace tradeoff
