#include "tradeoff/results/ledger.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::results {
namespace {

namespace fs = std::filesystem;

struct Ledger : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("tradeoff-ledger-" + std::to_string(::getpid()));
  fs::path file = folder / "ledger.jsonl";
  std::vector<std::string> damage;

  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }

  static LedgerEntry entry(const std::string& arm, std::uint64_t seed, double seconds) {
    LedgerEntry made;
    made.arm = arm;
    made.task = "spider";
    made.seed = seed;
    made.questions = 10;
    made.seconds = made.device_seconds = seconds;
    return made;
  }
  void put(const std::string& text) { std::ofstream(file, std::ios::binary) << text; }
};

TEST_F(Ledger, has_one_line_for_each_arm_seed_and_task) {
  EXPECT_TRUE(read_ledger(file, damage).empty());
  record_cost(file, entry("base", 1, 2));
  record_cost(file, entry("base", 2, 3));
  record_cost(file, entry("base", 1, 5));
  LedgerEntry training = entry("base", 1, 7);
  training.task = "training";
  training.starts = 3;
  training.cut_starts = 1;
  training.redone_seconds = 0.5;
  record_cost(file, training);
  const auto entries = read_ledger(file, damage);
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0], entry("base", 1, 5));
  EXPECT_EQ(entries[1], entry("base", 2, 3));
  EXPECT_EQ(entries[2], training);
  EXPECT_TRUE(damage.empty());
}

TEST_F(Ledger, with_a_hole_behind_its_lines_keeps_them_and_is_written_anew) {
  record_cost(file, entry("base", 1, 2));
  constexpr std::size_t kHole = std::size_t{2} << 30;
  fs::resize_file(file, kHole);
  EXPECT_EQ(read_ledger(file, damage).size(), 1u);
  ASSERT_EQ(damage.size(), 1u);
  EXPECT_NE(damage[0].find(":2: not a line of a ledger, left out: found no line end in 256 MiB"),
            std::string::npos)
      << damage[0];
  record_cost(file, entry("base", 1, 2));
  EXPECT_LT(fs::file_size(file), kHole);
}

TEST_F(Ledger, keeps_a_peak_that_a_later_start_does_not_know) {
  LedgerEntry measured = entry("base", 1, 2);
  measured.peak_bytes = 1 << 20;
  record_cost(file, measured);
  record_cost(file, entry("base", 1, 4));
  EXPECT_EQ(read_ledger(file, damage).at(0).peak_bytes, 1 << 20);
}

TEST_F(Ledger, cut_at_any_byte_or_followed_by_nuls_is_read_without_its_torn_line_and_mended) {
  record_cost(file, entry("base", 1, 2));
  record_cost(file, entry("base", 2, 3));
  const std::string whole = read_text(file);
  const std::size_t first = whole.find('\n') + 1;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    for (const std::string& tail : {std::string(), std::string(64, '\0')}) {
      damage.clear();
      put(whole.substr(0, size) + tail);
      const std::size_t good = read_ledger(file, damage).size();
      EXPECT_GE(good, size >= first && (tail.empty() || size == first) ? 1u : 0u) << size;
      EXPECT_LE(good, 2u);
      for (const std::string& line : damage) EXPECT_TRUE(line.starts_with(file.string() + ":"));
      record_cost(file, entry("base", 1, 2));
      record_cost(file, entry("base", 2, 3));
      damage.clear();
      EXPECT_EQ(read_ledger(file, damage).size(), 2u) << size;
      EXPECT_TRUE(damage.empty()) << size;
    }
  }
}

TEST_F(Ledger, leaves_out_lines_that_are_not_its_own_and_names_them) {
  const std::string good = R"({"arm":"a","seed":1,"task":"spider","seconds":2.5,"ranks":2})";
  put(good + "\n" + R"({"arm":"a","seed":-1,"task":"spider","seconds":2.5})" + "\n" +
      R"({"arm":"a","seed":1,"task":"mmlu","seconds":-2})" + "\n[1]\n" +
      R"({"arm":"a","seed":1,"task":"mmlu"})" + "\n" + std::string(5000, '[') + "\n");
  const auto entries = read_ledger(file, damage);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].device_seconds, 5.0);  // of an earlier version, which did not tell
  ASSERT_EQ(damage.size(), 5u);
  EXPECT_TRUE(damage[0].starts_with(file.string() + ":2: ")) << damage[0];
  EXPECT_NE(damage[0].find("seed"), std::string::npos);
  EXPECT_TRUE(damage[4].starts_with(file.string() + ":6: ")) << damage[4];
}

}  // namespace
}  // namespace tradeoff::results
