// tradeoff-sql-worker PARENT_PID: runs untrusted SQL for sql::Executor, on the socket at
// descriptor 3. Links SQLite and nothing else of the project, so that starting one takes about a
// millisecond.
#include <cstdio>
#include <cstdlib>

#include "wire.hpp"
#include "worker.hpp"

int main(int argc, char** argv) {
  const int parent = argc == 2 ? std::atoi(argv[1]) : 0;
  if (parent <= 0) {
    std::fputs("tradeoff-sql-worker is started by tradeoff itself, never by hand\n", stderr);
    return 2;
  }
  return tradeoff::sql::serve(tradeoff::sql::wire::kWorkerSocket, parent);
}
