#include "tradeoff/store/curve.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tradeoff/base/mapped_file.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

struct Curve : testing::Test {
  fs::path out = fs::temp_directory_path() / ("tradeoff-curve-" + std::to_string(::getpid()));
  std::vector<std::string> damage;

  void SetUp() override { fs::create_directories(out); }
  void TearDown() override { fs::remove_all(out); }

  static CurveRow row(std::int64_t step, const std::string& start) {
    CurveRow made;
    made.step = step;
    made.loss = 1.0 / static_cast<double>(step);
    made.tokens = 100;
    made.seconds = 0.25;
    made.start = start;
    made.ranks = 2;
    return made;
  }
  std::vector<CurveRow> read(const fs::path& file) {
    damage.clear();
    return read_curve(file, damage);
  }
  void put(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
  }
};

TEST_F(Curve, keeps_what_the_checkpoint_has_and_tells_apart_what_is_made_again) {
  std::vector<CurveRow> kept;
  {
    CurveWriter writer(out, {});
    for (const std::int64_t step : {1, 2, 3}) writer.add(row(step, "a"));
    kept = {writer.rows()[0], writer.rows()[1]};
  }
  EXPECT_TRUE(is_whole_curve(read(curve_file(out)), 3));
  // Twice, as after a kill between the two files.
  for (int i = 0; i < 2; ++i) {
    CurveWriter writer(out, kept);
    ASSERT_EQ(read(redone_file(out)).size(), 1u);
    EXPECT_EQ(read(redone_file(out))[0].step, 3);
  }
  CurveWriter writer(out, kept);
  writer.add(row(3, "b"));
  const auto rows = read(curve_file(out));
  EXPECT_TRUE(is_whole_curve(rows, 3));
  EXPECT_EQ(rows[2].start, "b");
  EXPECT_EQ(read(redone_file(out)).size(), 1u);
}

TEST_F(Curve, torn_at_any_byte_or_followed_by_nuls_never_stops_a_start) {
  { CurveWriter(out, {}).add(row(1, "a")); }
  const std::string whole = read_text(curve_file(out));
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    for (const std::string& tail :
         {std::string(), std::string(100, '\0'), std::string("\0\n", 2)}) {
      fs::remove(redone_file(out));
      put(curve_file(out), whole.substr(0, size) + tail);
      CurveWriter writer(out, {row(1, "a")});
      writer.add(row(2, "b"));
      EXPECT_TRUE(is_whole_curve(read(curve_file(out)), 2)) << size;
      EXPECT_TRUE(damage.empty());
      EXPECT_FALSE(fs::exists(redone_file(out)));
    }
  }
}

}  // namespace
}  // namespace tradeoff::store
