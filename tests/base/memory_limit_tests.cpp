#include "tradeoff/base/memory_limit.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>

namespace tradeoff {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();

class MemoryLimit : public ::testing::Test {
 protected:
  fs::path mount = fs::path(::testing::TempDir()) /
                   ::testing::UnitTest::GetInstance()->current_test_info()->name();
  void SetUp() override { fs::remove_all(mount); }
  void write(const fs::path& file, const char* text) const {
    fs::create_directories((mount / file).parent_path());
    std::ofstream(mount / file) << text << "\n";
  }
};

TEST_F(MemoryLimit, is_the_least_of_a_group_and_those_above_it) {
  write("slurm/job_7/step_0/memory.max", "max");
  write("slurm/job_7/memory.max", "4294967296");
  write("slurm/memory.max", "8589934592");
  EXPECT_EQ(cgroup_memory_limit("0::/slurm/job_7/step_0/task_1\n", mount), 4294967296);
  EXPECT_EQ(cgroup_memory_limit("0::/slurm\n", mount), 8589934592);
  EXPECT_EQ(cgroup_memory_limit("0::/other\n", mount), kNone);
}

TEST_F(MemoryLimit, is_the_roots_in_a_container) {
  write("memory.max", "1073741824");
  write("outside/memory.max", "5");
  EXPECT_EQ(cgroup_memory_limit("0::/docker/12ab\n", mount), 1073741824);
  EXPECT_EQ(cgroup_memory_limit("0::/../outside\n", mount), 1073741824);
}

TEST_F(MemoryLimit, of_version_one_is_the_memory_controllers) {
  write("memory/a/memory.limit_in_bytes", "2147483648");
  write("memory/memory.limit_in_bytes", "9223372036854771712");
  write("cpu/a/memory.limit_in_bytes", "7");
  EXPECT_EQ(cgroup_memory_limit("12:cpu,cpuacct:/a\n7:hugetlb,memory:/a\n", mount), 2147483648);
  EXPECT_EQ(cgroup_memory_limit("12:cpu,cpuacct:/a\n", mount), kNone);
}

TEST_F(MemoryLimit, lines_that_are_none_are_passed_over) {
  EXPECT_EQ(cgroup_memory_limit("", mount), kNone);
  EXPECT_EQ(cgroup_memory_limit("nothing\n:\n0::\n", mount), kNone);
  EXPECT_GT(usable_memory(), 0);
}

}  // namespace
}  // namespace tradeoff
