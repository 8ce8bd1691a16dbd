#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tradeoff/comm/signals.hpp"

namespace tradeoff::comm {
namespace {

// A rank killed by the system took Open MPI 4.1 2.6 s to notice; a loaded machine needs more.
constexpr double kSecondsAtMost = 30;

struct Launch {
  int exit_code;
  std::string output;  // standard output and error together
  double seconds;
};

Launch launch(const std::string& command) {
  const auto start = std::chrono::steady_clock::now();
  std::FILE* pipe = ::popen(("timeout -k 5 60 " + command + " 2>&1").c_str(), "r");
  Launch result{-1, "", 0};
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe))
    result.output += static_cast<char>(c);
  const int status = ::pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

struct Ranks : testing::Test {
  void SetUp() override {
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    ::unsetenv("SLURM_NTASKS");
  }
  static Launch ranks(int np, const std::string& scenario) {
    return launch(
        fmt::format("{} -np {} --oversubscribe {} {}", MPIEXEC, np, COMM_SCENARIO, scenario));
  }
};

TEST_F(Ranks, end_within_seconds_when_one_throws_and_the_message_names_it) {
  for (const int failing : {0, 1}) {
    const auto end = ranks(3, fmt::format("fail-{}", failing));
    EXPECT_EQ(end.exit_code, 7) << end.output;
    EXPECT_NE(end.output.find(fmt::format("rank {}/3 ", failing)), std::string::npos) << end.output;
    EXPECT_NE(end.output.find(": item 17: bad"), std::string::npos) << end.output;
    EXPECT_LT(end.seconds, kSecondsAtMost);
  }
}

TEST_F(Ranks, end_within_seconds_when_one_throws_while_it_holds_a_chunk_counter) {
  for (const std::string path : {"shared_memory", "server"}) {
    for (const int failing : {0, 1}) {
      const auto end = ranks(3, fmt::format("fail-{}-counting {}", failing, path));
      EXPECT_EQ(end.exit_code, 7) << path << "\n" << end.output;
      EXPECT_NE(end.output.find(": item 17: bad"), std::string::npos) << end.output;
      EXPECT_LT(end.seconds, kSecondsAtMost) << path << ", rank " << failing;
    }
  }
}

TEST_F(Ranks, end_when_an_exception_leaves_the_session_uncaught) {
  const auto end = ranks(2, "escape");
  EXPECT_EQ(end.exit_code, 1) << end.output;
  EXPECT_NE(end.output.find("an exception left the session"), std::string::npos) << end.output;
  EXPECT_LT(end.seconds, kSecondsAtMost);
}

TEST_F(Ranks, end_when_one_is_killed) {
  const auto end = ranks(2, "killed");
  EXPECT_EQ(end.exit_code, 137) << end.output;
  EXPECT_LT(end.seconds, kSecondsAtMost);
}

TEST_F(Ranks, stop_together_with_exit_code_85_when_one_gets_a_signal) {
  for (const std::string scenario : {"stop-0 server", "stop-1 server", "stop-1 shared_memory"}) {
    const auto end = ranks(2, scenario);
    EXPECT_EQ(end.exit_code, kRunAgain) << scenario << "\n" << end.output;
    EXPECT_LT(end.seconds, kSecondsAtMost) << scenario;
  }
}

// Limits short enough for a test; a beat comes every second.
struct WatchedRanks : Ranks {
  void SetUp() override {
    Ranks::SetUp();
    ::setenv("TRADEOFF_SILENCE_S", "5", 1);
    ::setenv("TRADEOFF_START_S", "5", 1);
  }
  void TearDown() override {
    ::unsetenv("TRADEOFF_SILENCE_S");
    ::unsetenv("TRADEOFF_START_S");
  }
};

TEST_F(WatchedRanks, end_when_one_is_stopped_and_the_message_names_it_and_its_step) {
  for (const int stopped : {0, 1}) {
    const auto end = ranks(3, fmt::format("stopped-{}", stopped));
    EXPECT_NE(end.exit_code, 0) << end.output;
    const std::string silent = fmt::format("rank {}/3 has been silent for", stopped);
    EXPECT_NE(end.output.find(silent), std::string::npos) << end.output;
    const std::string word = fmt::format("its last word: arm x, seed 1: step {}", stopped);
    EXPECT_NE(end.output.find(word), std::string::npos) << end.output;
    EXPECT_LT(end.seconds, kSecondsAtMost);
  }
}

TEST_F(WatchedRanks, end_when_one_never_joins) {
  for (const std::string scenario : {"leaves-early", "stopped-early"}) {
    const auto end = ranks(3, scenario);
    EXPECT_NE(end.exit_code, 0) << end.output;
    // mpiexec itself tells of a rank that leaves after others have started MPI.
    const bool told = end.output.find("have not all started after 5 s") != std::string::npos ||
                      (scenario == "leaves-early" &&
                       end.output.find("this process did not call \"init\"") != std::string::npos);
    EXPECT_TRUE(told) << end.output;
    EXPECT_LT(end.seconds, kSecondsAtMost) << scenario;
  }
}

TEST_F(WatchedRanks, wait_for_one_that_computes_for_longer_than_the_limit) {
  ::setenv("TRADEOFF_START_S", "60", 1);  // all may start late on a busy machine
  const auto end = ranks(3, "slow");
  EXPECT_EQ(end.exit_code, 0) << end.output;
  EXPECT_GT(end.seconds, 9);
}

TEST_F(WatchedRanks, refuse_a_limit_that_is_no_number) {
  ::setenv("TRADEOFF_SILENCE_S", "soon", 1);
  const auto end = ranks(1, "hello");
  EXPECT_NE(end.exit_code, 0);
  EXPECT_NE(end.output.find("TRADEOFF_SILENCE_S: found \"soon\", expected seconds"),
            std::string::npos)
      << end.output;
}

TEST_F(Ranks, of_all_groups_stop_when_one_gets_a_signal) {
  const auto end = ranks(4, "stop-groups");
  EXPECT_EQ(end.exit_code, kRunAgain) << end.output;
  EXPECT_LT(end.seconds, kSecondsAtMost);
}

TEST_F(Ranks, stand_alone_under_mpirun_np_1_and_without_mpirun) {
  const auto one = ranks(1, "hello");
  EXPECT_EQ(one.exit_code, 0) << one.output;
  EXPECT_NE(one.output.find("rank 0/1 "), std::string::npos) << one.output;
  const auto alone = launch(std::string(COMM_SCENARIO) + " hello");
  EXPECT_EQ(alone.exit_code, 0) << alone.output;
  EXPECT_NE(alone.output.find("rank 0/1 "), std::string::npos) << alone.output;
}

TEST_F(Ranks, are_refused_as_singletons_of_an_allocation) {
  const auto end = launch("env SLURM_NTASKS=2 " + std::string(COMM_SCENARIO) + " hello");
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_NE(end.output.find("mpirun -np 2 tradeoff predict"), std::string::npos) << end.output;
}

}  // namespace
}  // namespace tradeoff::comm
