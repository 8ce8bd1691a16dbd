#pragma once
// Frames between Executor and tradeoff-sql-worker. Both ends are one build on one machine, so plain
// structs in host byte order do; the reader still trusts nothing (the worker may be corrupted).
#include <cstdint>

namespace tradeoff::sql::wire {

inline constexpr std::uint32_t kMagic = 0x54534c34;  // "TSL4": changes with the layout
/// The socket's descriptor in the worker.
inline constexpr int kWorkerSocket = 3;
/// Progress callbacks come every so many virtual-machine steps.
inline constexpr int kStepsPerCallback = 1000;

/// Sent once by the worker when it is ready.
struct Hello {
  std::uint32_t magic = kMagic;
  std::int32_t sqlite_version = 0;
};

enum class Ask : std::uint32_t { query, tables };

/// Followed by the path and the statement, without terminators.
struct Request {
  std::uint32_t magic = kMagic;
  Ask ask = Ask::query;
  std::uint32_t path_bytes = 0;
  std::uint32_t sql_bytes = 0;
  std::uint64_t max_steps = 0, max_rows = 0, max_bytes = 0, max_value_bytes = 0, heap_bytes = 0;
  double timeout_s = 0;
};

enum class Status : std::uint32_t {
  ok,
  sql_error,
  denied,
  step_limit,
  timeout,
  memory,
  row_cap,
  no_database,  // missing or unreadable: the message says why
};

/// Followed by `payload_bytes`: the message, the column names (u32 length + bytes each), then
/// rows x columns cells: a Cell byte and 8 bytes (integer, real) or u32 length + bytes (text,
/// blob).
struct Reply {
  std::uint32_t magic = kMagic;
  Status status = Status::ok;
  std::uint32_t columns = 0;
  std::uint32_t message_bytes = 0;
  std::uint64_t rows = 0;
  std::uint64_t steps = 0;
  std::uint64_t payload_bytes = 0;
};

enum class Cell : std::uint8_t { null, integer, real, text, blob };

}  // namespace tradeoff::sql::wire
