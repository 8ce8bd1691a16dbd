#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/sql/sandbox/value.hpp"

namespace tradeoff::sql {

/// What became of one statement. Everything but `ok` is wrong in every semantics;
/// `gold_error` says that the gold query failed and the item cannot be judged.
enum class Outcome {
  ok,
  sql_error,     // SQLite refused it: syntax, unknown table or column, ...
  denied,        // not one read-only query over the allowed functions
  step_limit,    // more virtual-machine steps than allowed
  timeout,       // longer than the wall-clock limit
  memory,        // more heap, or a longer value, than allowed
  row_cap,       // more rows or bytes than allowed
  crashed,       // SQLite itself died, twice
  empty_output,  // blank
  no_sql,        // no SELECT and no leading WITH: comments, `;`, prose
  gold_error,
};

/// "step_limit".
std::string_view name_of(Outcome outcome);
/// The inverse; throws Error naming an unknown `name`.
Outcome outcome_of(std::string_view name);

struct ExecuteOptions {
  // Wall-clock limit of one statement on one database, seconds.
  double timeout_s = 5;
  // Virtual-machine steps of one statement: the same on every machine, 1 to 2 s on today's.
  std::uint64_t max_steps = 50'000'000;
  // Rows of one result; gold queries on the official databases return up to 92,450.
  std::uint64_t max_rows = 500'000;
  // Bytes of one result.
  std::uint64_t max_bytes = 64u << 20;
  // Bytes of one value that a statement reads or builds; so are those of one row of a table.
  std::uint64_t max_value_bytes = 16u << 20;
  // SQLite heap of one statement, bytes.
  std::uint64_t heap_bytes = 128u << 20;
  // The worker program; empty: $TRADEOFF_SQL_WORKER, else `tradeoff-sql-worker` in the folder of
  // the running program.
  std::filesystem::path worker = {};
};

/// The longest statement that is tried, bytes.
inline constexpr std::size_t kMaxStatementBytes = 100'000;

struct Result {
  Outcome outcome = Outcome::ok;
  std::vector<std::string> columns;
  Rows rows;
  // SQLite's or the sandbox's text; empty when ok.
  std::string message;
  // Virtual-machine steps used, in whole thousands.
  std::uint64_t steps = 0;
};

// A column that refers to one of another table; to its primary key where no column is named.
struct ForeignKey {
  std::string column, table, to;
};

struct TableColumns {
  std::string table;
  std::vector<std::string> columns;
  // Made by a module (fts5, rtree, ...), which no query may use; its columns are not known.
  bool is_virtual = false;
  // By column, as declared: its type, and whether it belongs to the primary key.
  std::vector<std::string> types = {};
  std::vector<bool> in_primary_key = {};
  std::vector<ForeignKey> foreign_keys = {};
};

/// Runs untrusted statements in a worker process of its own, which reads a private read-only copy
/// of the database and is replaced whenever it crashes or is killed. Not thread-safe: one a thread.
/// Safe after MPI and CUDA have started (posix_spawn, no fork of this process' state).
class Executor {
 public:
  /// Throws Error when the worker program is missing or does not answer.
  explicit Executor(ExecuteOptions options = {});
  ~Executor();
  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;

  /// One statement on one SQLite file. Never throws for what `sql` holds, whatever its bytes.
  /// A database that cannot be opened or read is an Error naming it.
  Result run(const std::filesystem::path& database, std::string_view sql);
  /// Tables in the order of sqlite_master with their columns, names as written.
  std::vector<TableColumns> tables(const std::filesystem::path& database);

  const ExecuteOptions& options() const;
  /// Process id of the present worker; it changes when the worker is replaced.
  int worker_pid() const;
  /// Workers started so far.
  int workers_started() const;

 private:
  class Worker;
  ExecuteOptions options_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace tradeoff::sql
