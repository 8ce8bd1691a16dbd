// A worker with one more function, crash(): it ends the process, as a bug in SQLite would.
#include <sqlite3.h>

#include <cstdlib>

#include "sandbox/wire.hpp"
#include "sandbox/worker.hpp"

namespace {

void crash(sqlite3_context*, int, sqlite3_value**) {
  std::abort();
}

int add_crash(sqlite3* db, char**, const sqlite3_api_routines*) {
  return sqlite3_create_function(db, "crash", 0, SQLITE_UTF8, nullptr, crash, nullptr, nullptr);
}

}  // namespace

int main(int, char** arguments) {
  sqlite3_auto_extension(reinterpret_cast<void (*)()>(add_crash));
  return tradeoff::sql::serve(tradeoff::sql::wire::kWorkerSocket, std::atoi(arguments[1]), "crash");
}
