#include "tradeoff/sql/sandbox/execute.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "reply.hpp"
#include "statement.hpp"
#include "tradeoff/base/error.hpp"
#include "wire.hpp"
#include "worker_process.hpp"

namespace tradeoff::sql {
namespace {

constexpr std::array<std::string_view, 11> kNames = {
    "ok",      "sql_error", "denied",       "step_limit", "timeout",   "memory",
    "row_cap", "crashed",   "empty_output", "no_sql",     "gold_error"};

// What SQLite itself can hold in one value.
constexpr std::uint64_t kMostValueBytes = 1'000'000'000;

// The worker stops itself at the deadline; where it cannot (one long opcode), it is killed this
// much later.
constexpr auto kKillDelay = std::chrono::milliseconds(40);

Outcome outcome_of(wire::Status status) {
  switch (status) {
    case wire::Status::ok:
      return Outcome::ok;
    case wire::Status::denied:
      return Outcome::denied;
    case wire::Status::step_limit:
      return Outcome::step_limit;
    case wire::Status::timeout:
      return Outcome::timeout;
    case wire::Status::memory:
      return Outcome::memory;
    case wire::Status::row_cap:
      return Outcome::row_cap;
    default:
      return Outcome::sql_error;
  }
}

std::string_view bytes_of(const wire::Request& request) {
  return {reinterpret_cast<const char*>(&request), sizeof request};
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  return kNames[static_cast<std::size_t>(outcome)];
}

Outcome outcome_of(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<Outcome>(i);
  fail(fmt::format("unknown outcome \"{}\"", name));
}

class Executor::Worker {
 public:
  explicit Worker(const ExecuteOptions& options) : program_(find_worker(options.worker)) {
    check(options.timeout_s > 0 && std::isfinite(options.timeout_s),
          fmt::format("SQL timeout: found {} s, expected a positive time", options.timeout_s));
    check(options.max_steps >= wire::kStepsPerCallback,
          fmt::format("SQL step limit: found {}, expected at least {}", options.max_steps,
                      wire::kStepsPerCallback));
    check(options.max_value_bytes >= 1'000 && options.max_value_bytes <= kMostValueBytes,
          fmt::format("longest SQL value: found {} bytes, expected 1000 to {}",
                      options.max_value_bytes, kMostValueBytes));
    process();
  }

  Result ask(const ExecuteOptions& options, wire::Ask what, const std::string& path,
             std::string_view sql) {
    wire::Request request;
    request.ask = what;
    request.path_bytes = static_cast<std::uint32_t>(path.size());
    request.sql_bytes = static_cast<std::uint32_t>(sql.size());
    request.max_steps = options.max_steps;
    request.max_rows = options.max_rows;
    request.max_bytes = options.max_bytes;
    request.max_value_bytes = options.max_value_bytes;
    request.heap_bytes = options.heap_bytes;
    request.timeout_s = options.timeout_s;
    // A worker that died while idle, or was killed by something else (the kernel short of memory),
    // says nothing about the statement: only a second death does.
    for (int attempt = 0; attempt < 2; ++attempt)
      if (auto result = try_ask(request, path, sql)) return std::move(*result);
    Result result;
    result.outcome = Outcome::crashed;
    result.message = "SQLite crashed";
    return result;
  }

  WorkerProcess& process() {
    if (!process_) {
      process_.emplace(program_);
      ++started_;
    }
    return *process_;
  }
  int started() const { return started_; }

 private:
  std::optional<Result> try_ask(const wire::Request& request, const std::string& path,
                                std::string_view sql) {
    WorkerProcess& worker = process();
    const auto deadline = WorkerProcess::Clock::now() + kKillDelay +
                          std::chrono::duration_cast<WorkerProcess::Clock::duration>(
                              std::chrono::duration<double>(request.timeout_s));
    const std::array<std::string_view, 3> parts = {bytes_of(request), path, sql};
    wire::Reply head;
    auto got = worker.send(parts)
                   ? worker.receive(reinterpret_cast<char*>(&head), sizeof head, deadline)
                   : WorkerProcess::Received::died;
    std::string payload;
    if (got == WorkerProcess::Received::all) {
      if (!plausible(head, request.max_bytes)) {
        process_.reset();
        return {};
      }
      payload.resize(head.payload_bytes);
      got = worker.receive(payload.data(), payload.size(), deadline + std::chrono::seconds(5));
    }
    if (got == WorkerProcess::Received::all) {
      if (head.status == wire::Status::no_database) fail(payload.substr(0, head.message_bytes));
      std::optional<Result> result = read_reply(head, std::move(payload));
      if (!result) {
        process_.reset();
        return {};
      }
      result->outcome = outcome_of(head.status);
      return result;
    }
    process_.reset();
    if (got == WorkerProcess::Received::died) return {};
    Result result;
    result.outcome = Outcome::timeout;
    result.message = fmt::format("killed after {} s", request.timeout_s);
    return result;
  }

  std::filesystem::path program_;
  std::optional<WorkerProcess> process_;
  int started_ = 0;
};

Executor::Executor(ExecuteOptions options)
    : options_(std::move(options)), worker_(std::make_unique<Worker>(options_)) {}
Executor::~Executor() = default;
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;

Result Executor::run(const std::filesystem::path& database, std::string_view sql) {
  if (Screening screened = screen(sql); screened.outcome != Outcome::ok) {
    Result result;
    result.outcome = screened.outcome;
    result.message = std::move(screened.message);
    return result;
  }
  return worker_->ask(options_, wire::Ask::query, database.string(), sql);
}

std::vector<TableColumns> Executor::tables(const std::filesystem::path& database) {
  const Result result = worker_->ask(options_, wire::Ask::tables, database.string(), {});
  if (result.outcome != Outcome::ok)
    fail(fmt::format("{}: cannot read its tables: {}", database.string(), result.message));
  std::vector<TableColumns> tables;
  for (std::size_t row = 0; row < result.rows.size(); ++row) {
    const auto cells = result.rows[row];
    if (tables.empty() || tables.back().table != cells[0].bytes)
      tables.push_back({std::string(cells[0].bytes), {}, to_text(cells[1]) == "1"});
    if (cells[2].kind != Value::Kind::text) continue;
    TableColumns& table = tables.back();
    // A column of several foreign keys has a row for each.
    if (table.columns.empty() || table.columns.back() != cells[2].bytes) {
      table.columns.emplace_back(cells[2].bytes);
      table.types.push_back(to_text(cells[3]));
      table.in_primary_key.push_back(to_text(cells[4]) == "1");
    }
    if (cells[5].kind == Value::Kind::text) {
      const bool named = cells[6].kind == Value::Kind::text;
      table.foreign_keys.push_back({table.columns.back(), std::string(cells[5].bytes),
                                    named ? std::string(cells[6].bytes) : ""});
    }
  }
  return tables;
}

const ExecuteOptions& Executor::options() const {
  return options_;
}
int Executor::worker_pid() const {
  return static_cast<int>(worker_->process().pid());
}
int Executor::workers_started() const {
  return worker_->started();
}

}  // namespace tradeoff::sql
