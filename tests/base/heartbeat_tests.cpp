#include "tradeoff/base/heartbeat.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "tradeoff/base/host_name.hpp"

namespace tradeoff {
namespace {

namespace fs = std::filesystem;

struct Heartbeats : testing::Test {
  fs::path output = fs::temp_directory_path() / ("tradeoff-beats-" + std::to_string(::getpid()));
  fs::path folder = output / kHeartbeatFolder;
  void TearDown() override { fs::remove_all(output); }

  static Heartbeat first() {
    Heartbeat beat;
    beat.launch = "17";
    beat.rank = 1;
    beat.ranks = 3;
    beat.doing = "starting";
    return beat;
  }
};

TEST_F(Heartbeats, tell_who_does_what_and_go_with_their_process) {
  {
    HeartbeatFile file(folder, first());
    const auto beats = read_heartbeats(folder);
    ASSERT_EQ(beats.size(), 1u);
    EXPECT_EQ(beats[0].launch, "17");
    EXPECT_EQ(beats[0].rank, 1);
    EXPECT_EQ(beats[0].ranks, 3);
    EXPECT_EQ(beats[0].host, host_name());
    EXPECT_EQ(beats[0].pid, ::getpid());
    EXPECT_EQ(beats[0].doing, "starting");
    EXPECT_GE(beats[0].time, beats[0].started);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    EXPECT_NEAR(beats[0].time, std::chrono::duration<double>(now).count(), 5);
  }
  EXPECT_FALSE(fs::exists(output)) << "made for the heartbeats alone";
}

TEST_F(Heartbeats, go_on_with_what_is_said_last_and_a_longer_one_leaves_nothing_behind) {
  HeartbeatFile file(folder, first());
  file.doing(std::string(5000, '"'));
  std::this_thread::sleep_for(std::chrono::milliseconds(5500));
  ASSERT_EQ(read_heartbeats(folder).size(), 1u);
  EXPECT_EQ(read_heartbeats(folder)[0].doing, std::string(400, '"'));
  file.doing("step 2");
  std::this_thread::sleep_for(std::chrono::milliseconds(5500));
  ASSERT_EQ(read_heartbeats(folder).size(), 1u);
  EXPECT_EQ(read_heartbeats(folder)[0].doing, "step 2");
  EXPECT_EQ(read_heartbeats(folder)[0].beat, 2u);
}

TEST_F(Heartbeats, a_killed_process_leaves_its_last_word_until_the_next_start) {
  const pid_t child = ::fork();
  if (child == 0) {
    Heartbeat beat = first();
    beat.doing = "step 12";
    const HeartbeatFile file(folder, beat);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(read_heartbeats(folder).size(), 1u);
  EXPECT_EQ(read_heartbeats(folder)[0].doing, "step 12");
  const HeartbeatFile next(folder, first());
  ASSERT_EQ(read_heartbeats(folder).size(), 1u);
  EXPECT_EQ(read_heartbeats(folder)[0].pid, ::getpid());
}

TEST_F(Heartbeats, what_cannot_be_read_is_left_out_and_what_cannot_be_written_ends_nothing) {
  fs::create_directories(folder);
  for (const char* text : {"", "{", "[]", "{\"launch\": 1}"}) {
    std::ofstream(folder / "torn.json") << text;
    EXPECT_TRUE(read_heartbeats(folder).empty()) << text;
  }
  EXPECT_TRUE(read_heartbeats(output / "none").empty());
  std::ofstream(output / "file") << "x";
  testing::internal::CaptureStderr();
  { HeartbeatFile file(output / "file" / kHeartbeatFolder, first()); }
  EXPECT_NE(testing::internal::GetCapturedStderr().find("cannot be written"), std::string::npos);
}

}  // namespace
}  // namespace tradeoff
