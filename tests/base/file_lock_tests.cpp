// File systems without locks: this program's own flock fails with what they answer.
#include "tradeoff/base/file_lock.hpp"

#include <gtest/gtest.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

#include "tradeoff/base/error.hpp"

namespace {
int answer = 0;
}

extern "C" int flock(int, int) noexcept {
  errno = answer;
  return -1;
}

namespace tradeoff {
namespace {

TEST(FileLock, says_at_once_that_a_file_system_has_no_locks) {
  const auto path = std::filesystem::temp_directory_path() / "tradeoff-no-locks";
  for (const int code : {ENOSYS, ENOLCK, EOPNOTSUPP, EIO}) {
    answer = code;
    try {
      FileLock lock(path);
      FAIL() << "locked";
    } catch (const Error& error) {
      const std::string what = error.what();
      EXPECT_NE(what.find(path.string() + ": flock: " + std::strerror(code)), std::string::npos)
          << what;
    }
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tradeoff
