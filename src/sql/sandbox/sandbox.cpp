#include "sandbox.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "clock_vfs.hpp"
#include "tradeoff/base/utf8.hpp"

namespace tradeoff::sql {
namespace {

using Clock = std::chrono::steady_clock;

// A file up to this size is read into memory once: quicker than the page cache, and immune to
// writers.
constexpr off_t kMaxImageBytes = 16 << 20;
constexpr std::size_t kMaxOpenDatabases = 24;
// Of the answer to Ask::tables.
constexpr int kTableColumns = 7;

// Set so that none of the 8,031 runnable gold queries of the benchmark comes near (conventions: at
// most 577 characters, 19 result columns). LENGTH is each request's own.
constexpr struct {
  int id, value;
} kLimits[] = {
    {SQLITE_LIMIT_SQL_LENGTH, 100'000}, {SQLITE_LIMIT_COLUMN, 1'000},
    {SQLITE_LIMIT_EXPR_DEPTH, 100},     {SQLITE_LIMIT_COMPOUND_SELECT, 20},
    {SQLITE_LIMIT_VDBE_OP, 25'000},     {SQLITE_LIMIT_FUNCTION_ARG, 32},
    {SQLITE_LIMIT_ATTACHED, 0},         {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 500},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 0},  {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

struct Statement {
  sqlite3_stmt* handle = nullptr;
  ~Statement() { sqlite3_finalize(handle); }
};

template <typename T>
void append_raw(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

void append_cell(std::string& out, sqlite3_stmt* row, int column) {
  const auto tag = [&](wire::Cell kind) { out.push_back(static_cast<char>(kind)); };
  switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
      tag(wire::Cell::integer);
      append_raw<std::int64_t>(out, sqlite3_column_int64(row, column));
      return;
    case SQLITE_FLOAT:
      tag(wire::Cell::real);
      append_raw<double>(out, sqlite3_column_double(row, column));
      return;
    case SQLITE_TEXT: {
      tag(wire::Cell::text);
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(row, column));
      const std::size_t length_at = out.size();
      append_raw<std::uint32_t>(out, 0);
      append_valid_utf8(out, text ? std::string_view(text, size) : std::string_view());
      const auto written = static_cast<std::uint32_t>(out.size() - length_at - 4);
      std::memcpy(out.data() + length_at, &written, sizeof written);
      return;
    }
    case SQLITE_BLOB: {
      tag(wire::Cell::blob);
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(row, column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(row, column));
      append_raw<std::uint32_t>(out, static_cast<std::uint32_t>(size));
      if (size) out.append(bytes, size);
      return;
    }
    default:
      tag(wire::Cell::null);
  }
}

void append_name(std::string& out, const char* name) {
  const std::string_view text = name ? name : "";
  append_raw<std::uint32_t>(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

Answer with_message(wire::Status status, std::string message) {
  Answer answer;
  answer.head.status = status;
  answer.head.message_bytes = static_cast<std::uint32_t>(message.size());
  answer.payload = std::move(message);
  return answer;
}

bool has_bytes(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && info.st_size > 0;
}

std::string system_text(const std::string& path) {
  return path + ": " + std::strerror(errno);
}

}  // namespace

struct GuardedDatabase::Budget {
  explicit Budget(const Limits& limits)
      : callbacks_left(limits.max_steps / wire::kStepsPerCallback),
        deadline(Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                    std::chrono::duration<double>(limits.timeout_s))) {}

  static int on_progress(void* self) {
    auto& budget = *static_cast<Budget*>(self);
    ++budget.callbacks;
    if (budget.callbacks > budget.callbacks_left) budget.out_of_steps = true;
    if (Clock::now() > budget.deadline) budget.out_of_time = true;
    return budget.out_of_steps || budget.out_of_time;
  }

  std::uint64_t callbacks_left, callbacks = 0;
  Clock::time_point deadline;
  bool out_of_steps = false, out_of_time = false;
};

GuardedDatabase::GuardedDatabase(const std::string& path, std::string_view extra_function)
    : path_(path) {
  open(extra_function);
}

GuardedDatabase::~GuardedDatabase() {
  sqlite3_close_v2(db_);
}

void GuardedDatabase::open(std::string_view extra_function) {
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a FIFO would wait
  if (fd < 0) throw std::runtime_error(system_text(path_));
  const struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } closer{fd};
  if (::fstat(fd, &file_) != 0) throw std::runtime_error(system_text(path_));
  if (!S_ISREG(file_.st_mode)) throw std::runtime_error(path_ + ": not a regular file");
  for (const char* suffix : {"-wal", "-journal"})
    if (has_bytes(path_ + suffix))
      throw std::runtime_error(path_ + ": has unsaved changes in " + path_ + suffix +
                               "; open and close it once with sqlite3 to save them");
  if (file_.st_size <= kMaxImageBytes) {
    load_copy(fd);
  } else {
    std::string uri = "file:";
    for (const unsigned char c : path_) {
      constexpr char hex[] = "0123456789abcdef";
      if (std::isalnum(c) || c == '/' || c == '.' || c == '_' || c == '-') {
        uri.push_back(static_cast<char>(c));
      } else {
        uri += {'%', hex[c >> 4], hex[c & 15]};
      }
    }
    uri += "?mode=ro&immutable=1";
    if (sqlite3_open_v2(uri.c_str(), &db_,
                        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                        kClocklessVfs) != SQLITE_OK)
      throw std::runtime_error(path_ + ": " + (db_ ? sqlite3_errmsg(db_) : "out of memory"));
  }
  guard(extra_function);
}

void GuardedDatabase::load_copy(int fd) {
  image_.resize(static_cast<std::size_t>(file_.st_size));
  std::size_t done = 0;
  while (done < image_.size()) {
    const ssize_t got = ::read(fd, image_.data() + done, image_.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw std::runtime_error(path_ + ": cannot be read whole");
    done += static_cast<std::size_t>(got);
  }
  // Bytes 18 and 19 say WAL (2); a memory database must say rollback journal (1).
  if (image_.size() > 20)
    for (const int at : {18, 19})
      if (image_[at] == 2) image_[at] = 1;
  if (sqlite3_open_v2(":memory:", &db_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX,
                      kClocklessVfs) != SQLITE_OK)
    throw std::runtime_error(path_ + ": " + (db_ ? sqlite3_errmsg(db_) : "out of memory"));
  const auto size = static_cast<sqlite3_int64>(image_.size());
  if (size > 0 && sqlite3_deserialize(db_, "main", image_.data(), size, size,
                                      SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
    throw std::runtime_error(path_ + ": " + sqlite3_errmsg(db_));
}

void GuardedDatabase::guard(std::string_view extra_function) {
  for (const auto& [option, value] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                      {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
                                      {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                                      {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}})
    sqlite3_db_config(db_, option, value, nullptr);
  for (const auto [id, value] : kLimits) sqlite3_limit(db_, id, value);
  // A sort that spills to disk is out of the heap limit's reach.
  sqlite3_exec(db_, "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0",
               nullptr, nullptr, nullptr);
  sqlite3_drop_modules(db_, nullptr);
  authorizer_.allow(extra_function);
  authorizer_.install(db_);
}

bool GuardedDatabase::current() const {
  struct stat now {};
  return ::stat(path_.c_str(), &now) == 0 && now.st_dev == file_.st_dev &&
         now.st_ino == file_.st_ino && now.st_size == file_.st_size &&
         now.st_mtim.tv_sec == file_.st_mtim.tv_sec && now.st_mtim.tv_nsec == file_.st_mtim.tv_nsec;
}

Answer GuardedDatabase::failure(int code, const Budget& budget) {
  if (budget.out_of_time) return with_message(wire::Status::timeout, "the time limit ran out");
  if (budget.out_of_steps) return with_message(wire::Status::step_limit, "the step limit ran out");
  // A refused function comes as a plain SQLITE_ERROR.
  if (!authorizer_.refusal().empty())
    return with_message(wire::Status::denied, authorizer_.refusal());
  switch (code & 0xff) {
    case SQLITE_AUTH:
    case SQLITE_READONLY:
      return with_message(wire::Status::denied, sqlite3_errmsg(db_));
    case SQLITE_NOMEM:
      return with_message(wire::Status::memory, "the heap limit was reached");
    case SQLITE_TOOBIG:
      return with_message(wire::Status::memory,
                          "a value or the statement is too long (values: at most " +
                              std::to_string(sqlite3_limit(db_, SQLITE_LIMIT_LENGTH, -1)) +
                              " bytes)");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return with_message(wire::Status::sql_error, path_ + ": " + sqlite3_errmsg(db_));
    default:
      return with_message(wire::Status::sql_error, sqlite3_errmsg(db_));
  }
}

Answer GuardedDatabase::query(std::string_view sql, const Limits& limits) {
  authorizer_.reset();
  take_clock_asked();
  Budget budget(limits);
  sqlite3_progress_handler(db_, wire::kStepsPerCallback, &Budget::on_progress, &budget);
  // What is in use already (page caches, schemas) is not this statement's.
  sqlite3_hard_heap_limit64(sqlite3_memory_used() + static_cast<sqlite3_int64>(limits.heap_bytes));
  sqlite3_limit(db_, SQLITE_LIMIT_LENGTH, static_cast<int>(limits.max_value_bytes));

  Statement statement;
  const char* tail = nullptr;
  int code =
      sqlite3_prepare_v2(db_, sql.data(), static_cast<int>(sql.size()), &statement.handle, &tail);
  if (code != SQLITE_OK) return failure(code, budget);
  if (!statement.handle) return with_message(wire::Status::denied, "no statement");
  if (!sqlite3_stmt_readonly(statement.handle) || sqlite3_stmt_isexplain(statement.handle) ||
      sqlite3_column_count(statement.handle) == 0)
    return with_message(wire::Status::denied, "only a SELECT is allowed");

  Answer answer;
  const int columns = sqlite3_column_count(statement.handle);
  answer.head.columns = static_cast<std::uint32_t>(columns);
  for (int column = 0; column < columns; ++column)
    append_name(answer.payload, sqlite3_column_name(statement.handle, column));
  while ((code = sqlite3_step(statement.handle)) == SQLITE_ROW) {
    if (++answer.head.rows > limits.max_rows)
      return with_message(wire::Status::row_cap,
                          "more than " + std::to_string(limits.max_rows) + " rows");
    for (int column = 0; column < columns; ++column) {
      append_cell(answer.payload, statement.handle, column);
      if (answer.payload.size() > limits.max_bytes)
        return with_message(wire::Status::row_cap,
                            "more than " + std::to_string(limits.max_bytes) + " bytes of rows");
    }
  }
  if (take_clock_asked())
    return with_message(wire::Status::denied, "the current time is not allowed");
  if (code != SQLITE_DONE) return failure(code, budget);
  answer.head.steps = budget.callbacks * wire::kStepsPerCallback;
  return answer;
}

Answer GuardedDatabase::tables() {
  // Trusted text from here: the one PRAGMA this program needs, with the authorizer lifted.
  sqlite3_set_authorizer(db_, nullptr, nullptr);
  const struct Guarded {
    GuardedDatabase& database;
    ~Guarded() { database.authorizer_.install(database.db_); }
  } guarded{*this};
  Answer answer;
  Statement statement;
  answer.head.columns = kTableColumns;
  for (const char* name : {"table", "virtual", "column", "type", "pk", "to_table", "to_column"})
    append_name(answer.payload, name);
  int code = sqlite3_prepare_v2(
      db_,
      // A virtual table has no page of its own. Its columns only its module
      // knows, which is not here.
      "SELECT m.name, m.rootpage = 0, c.name, c.type, c.pk > 0, f.\"table\", f.\"to\" "
      "FROM sqlite_master m "
      "LEFT JOIN pragma_table_info(CASE WHEN m.rootpage > 0 THEN m.name END) c "
      "LEFT JOIN pragma_foreign_key_list(CASE WHEN m.rootpage > 0 THEN m.name "
      "END) f ON lower(f.\"from\") = lower(c.name) "
      "WHERE m.type = 'table' ORDER BY m.rowid, c.cid, f.id, f.seq",
      -1, &statement.handle, nullptr);
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(statement.handle);
    if (code != SQLITE_ROW) break;
    for (int column = 0; column < kTableColumns; ++column)
      append_cell(answer.payload, statement.handle, column);
    ++answer.head.rows;
  }
  if (code != SQLITE_DONE)
    answer = with_message(wire::Status::sql_error, path_ + ": " + sqlite3_errmsg(db_));
  return answer;
}

Answer DatabaseCache::run(const wire::Request& request, const std::string& path,
                          std::string_view sql) {
  try {
    auto found = std::find_if(open_.begin(), open_.end(),
                              [&](const auto& database) { return database->path() == path; });
    if (found != open_.end() && !(*found)->current()) {
      open_.erase(found);
      found = open_.end();
    }
    if (found == open_.end()) {
      open_.push_front(std::make_unique<GuardedDatabase>(path, extra_function_));
      if (open_.size() > kMaxOpenDatabases) open_.pop_back();
    } else {
      open_.splice(open_.begin(), open_, found);
    }
    const Limits limits{request.max_steps,       request.max_rows,   request.max_bytes,
                        request.max_value_bytes, request.heap_bytes, request.timeout_s};
    GuardedDatabase& database = *open_.front();
    Answer answer =
        request.ask == wire::Ask::tables ? database.tables() : database.query(sql, limits);
    // A connection that met a limit may not be as it was.
    const auto status = answer.head.status;
    if (status != wire::Status::ok && status != wire::Status::sql_error &&
        status != wire::Status::denied)
      open_.pop_front();
    return answer;
  } catch (const std::bad_alloc&) {
    open_.clear();
    return with_message(wire::Status::memory, "the worker ran out of memory");
  } catch (const std::exception& error) {
    return with_message(wire::Status::no_database, error.what());
  }
}

}  // namespace tradeoff::sql
