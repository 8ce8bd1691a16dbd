// Locks, among them those on file systems without flock: this program's own flock fails with what
// such a file system answers, where a test asks for it.
#include "tradeoff/base/file_lock.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <thread>

#include "tradeoff/base/error.hpp"

namespace {
int answer = 0;
}

extern "C" int flock(int fd, int operation) noexcept {
  if (answer == 0) {
    static const auto real = reinterpret_cast<int (*)(int, int)>(::dlsym(RTLD_NEXT, "flock"));
    return real(fd, operation);
  }
  errno = answer;
  return -1;
}

namespace tradeoff {
namespace {

using std::chrono::milliseconds;

struct Locks : testing::Test {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("tradeoff-locks-" + std::to_string(::getpid()));
  std::filesystem::path path = folder / "lock";
  void TearDown() override {
    answer = 0;
    std::filesystem::remove_all(folder);
  }
  std::string refusal(LockKind kind) const {
    try {
      const FileLock lock(path, kind, milliseconds(120));
    } catch (const Error& error) {
      return error.what();
    }
    return "locked";
  }
};

TEST_F(Locks, a_file_system_without_flock_is_told_at_once_with_the_ways_on) {
  for (const int code : {ENOSYS, ENOLCK, EOPNOTSUPP, EIO}) {
    answer = code;
    const auto begin = std::chrono::steady_clock::now();
    std::string what;
    try {
      const FileLock lock(path, LockKind::flock);
    } catch (const Error& error) {
      what = error.what();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    for (const std::string& part : {path.string() + ": flock: " + std::strerror(code),
                                    std::string("--lock file"), std::string("--lock none")})
      EXPECT_NE(what.find(part), std::string::npos) << what;
    // The two ways on need no flock.
    EXPECT_EQ(refusal(LockKind::file), "locked");
    EXPECT_EQ(refusal(LockKind::none), "locked");
  }
}

struct LockKinds : Locks, testing::WithParamInterface<LockKind> {};

TEST_P(LockKinds, keeps_a_second_one_out_until_it_ends) {
  {
    const FileLock first(path, GetParam());
    const std::string what = refusal(GetParam());
    EXPECT_NE(what.find("this lock; wait for it, or stop it"), std::string::npos) << what;
    EXPECT_NE(what.find(path.string()), std::string::npos) << what;
  }
  EXPECT_EQ(refusal(GetParam()), "locked");
  EXPECT_EQ(refusal(GetParam()), "locked");
}

TEST_P(LockKinds, waits_for_a_holder_that_ends) {
  auto first = std::make_unique<FileLock>(path, GetParam());
  std::thread ends([&] {
    std::this_thread::sleep_for(milliseconds(200));
    first.reset();
  });
  EXPECT_NO_THROW(FileLock(path, GetParam(), std::chrono::seconds(20)));
  ends.join();
}
INSTANTIATE_TEST_SUITE_P(Kinds, LockKinds, testing::Values(LockKind::flock, LockKind::file));

// What a killed process leaves behind is named, with who left it.
TEST_F(Locks, a_file_left_behind_is_named_and_may_be_deleted) {
  std::filesystem::create_directories(folder);
  {
    const FileLock held(path, LockKind::file);
    const std::string what = refusal(LockKind::file);
    EXPECT_NE(what.find("lock.held: process " + std::to_string(::getpid()) + " on "),
              std::string::npos)
        << what;
    EXPECT_NE(what.find("Where it was killed, delete the file"), std::string::npos) << what;
    std::filesystem::remove(path.string() + ".held");
    EXPECT_EQ(refusal(LockKind::file), "locked");
  }
}

TEST_F(Locks, none_keeps_nobody_out) {
  const FileLock first(path, LockKind::none);
  EXPECT_EQ(refusal(LockKind::none), "locked");
}

}  // namespace
}  // namespace tradeoff
