#pragma once
#include <string>

struct sqlite3;

namespace tradeoff::sql {

/// The life of a worker process: shuts itself in, says hello on `socket`, answers requests until
/// the other end closes. `parent` is the process it must not outlive. Returns the exit status.
/// `extra_function`, where not empty, is registered by the caller through sqlite3_auto_extension
/// and allowed by the authorizer (the tests' way to crash a worker from SQL).
int serve(int socket, int parent, const std::string& extra_function = {});

}  // namespace tradeoff::sql
