#include "tradeoff/comm/signals.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace tradeoff::comm {
namespace {

TEST(StopSignals, sigterm_and_sigusr2_set_the_flag_and_nothing_else) {
  for (const int number : {SIGTERM, SIGUSR2}) {
    const StopSignals guard;
    EXPECT_FALSE(stop_requested());
    EXPECT_STREQ(stop_signal(), "");
    std::raise(number);
    EXPECT_TRUE(stop_requested());
    EXPECT_STREQ(stop_signal(), number == SIGTERM ? "SIGTERM" : "SIGUSR2");
  }
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
