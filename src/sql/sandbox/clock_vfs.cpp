#include "clock_vfs.hpp"

#include <sqlite3.h>

#include <cstring>

namespace tradeoff::sql {
namespace {

bool clock_asked = false;

int no_time(sqlite3_vfs*, double* days) {
  clock_asked = true;
  *days = 0;
  return SQLITE_ERROR;
}

int no_time_int64(sqlite3_vfs*, sqlite3_int64* milliseconds) {
  clock_asked = true;
  *milliseconds = 0;
  return SQLITE_ERROR;
}

int no_randomness(sqlite3_vfs*, int bytes, char* out) {
  std::memset(out, 0, static_cast<std::size_t>(bytes));
  return bytes;
}

}  // namespace

void register_clockless_vfs() {
  // A copy of the default's table: its file methods take any sqlite3_vfs as their first argument.
  static sqlite3_vfs vfs = *sqlite3_vfs_find(nullptr);
  vfs.zName = kClocklessVfs;
  vfs.pNext = nullptr;
  vfs.xCurrentTime = no_time;
  vfs.xCurrentTimeInt64 = no_time_int64;
  vfs.xRandomness = no_randomness;
  sqlite3_vfs_register(&vfs, /*makeDflt=*/0);
}

bool take_clock_asked() {
  const bool asked = clock_asked;
  clock_asked = false;
  return asked;
}

}  // namespace tradeoff::sql
