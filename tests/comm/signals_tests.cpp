#include "tradeoff/comm/signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace tradeoff::comm {
namespace {

TEST(StopSignals, set_the_flag_and_nothing_else) {
  for (const int number : {SIGINT, SIGTERM, SIGUSR2}) {
    const StopSignals guard;
    EXPECT_FALSE(stop_requested()) << number;
    std::raise(number);
    EXPECT_TRUE(stop_requested()) << number;
  }
}

TEST(StopSignals, a_second_one_ends_the_process_at_once) {
  for (const int first : {SIGINT, SIGTERM}) {
    for (const int second : {SIGINT, SIGTERM}) {
      EXPECT_EXIT(
          {
            const StopSignals guard;
            std::raise(first);
            ::usleep(400'000);
            std::raise(second);
          },
          testing::KilledBySignal(second), "a second signal: ended at once");
    }
  }
}

TEST(StopSignals, the_first_says_what_follows_and_of_ranks_one_alone) {
  const auto told = [](const char* rank) {
    if (rank) ::setenv("OMPI_COMM_WORLD_RANK", rank, 1);
    const StopSignals guard;
    testing::internal::CaptureStderr();
    std::raise(SIGINT);
    ::unsetenv("OMPI_COMM_WORLD_RANK");
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_NE(told(nullptr).find("a second signal ends at once"), std::string::npos);
  EXPECT_NE(told("0").find("stopping"), std::string::npos);
  EXPECT_EQ(told("1"), "");
}

TEST(StopSignals, one_wish_told_twice_and_the_scheduler_s_are_no_second_one) {
  const StopSignals guard;
  std::raise(SIGINT);
  std::raise(SIGTERM);  // a terminal's and a launcher's
  ::usleep(400'000);
  std::raise(SIGUSR2);
  EXPECT_TRUE(stop_requested());
}

TEST(StopSignals, another_rank_s_signal_stops_this_one_too) {
  const StopSignals guard;
  request_stop();
  EXPECT_TRUE(stop_requested());
}

TEST(StopSignals, the_former_handlers_come_back) {
  EXPECT_EXIT(
      {
        { const StopSignals guard; }
        std::raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace tradeoff::comm
