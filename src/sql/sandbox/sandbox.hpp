#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "authorizer.hpp"
#include "wire.hpp"

struct sqlite3;

namespace tradeoff::sql {

struct Limits {
  std::uint64_t max_steps, max_rows, max_bytes, max_value_bytes, heap_bytes;
  double timeout_s;
};

/// What one statement gave, in the form of the reply frame.
struct Answer {
  wire::Reply head;
  std::string payload;
};

/// One database behind every guard that SQLite offers inside a process: read-only private copy (or
/// immutable file), DEFENSIVE, authorizer, limits, heap, step budget and deadline.
class GuardedDatabase {
 public:
  /// Throws std::runtime_error naming the file when it cannot be read; a file that is no database
  /// is found by the first statement.
  GuardedDatabase(const std::string& path, std::string_view extra_function);
  ~GuardedDatabase();

  Answer query(std::string_view sql, const Limits& limits);
  Answer tables();
  /// True while the file on disk is the one that was read.
  bool current() const;
  const std::string& path() const { return path_; }
  sqlite3* handle() { return db_; }

 private:
  struct Budget;
  void open(std::string_view extra_function);
  void load_copy(int fd);
  void guard(std::string_view extra_function);
  Answer failure(int code, const Budget& budget);

  std::string path_;
  struct stat file_ {};
  // The database image where a copy is used; SQLite reads it in place.
  std::vector<unsigned char> image_;
  sqlite3* db_ = nullptr;
  Authorizer authorizer_;
};

/// The databases that a worker keeps open, most recent first.
class DatabaseCache {
 public:
  explicit DatabaseCache(std::string extra_function) : extra_function_(std::move(extra_function)) {}
  /// Runs one request. Every failure is an Answer.
  Answer run(const wire::Request& request, const std::string& path, std::string_view sql);

 private:
  std::string extra_function_;
  std::list<std::unique_ptr<GuardedDatabase>> open_;
};

}  // namespace tradeoff::sql
