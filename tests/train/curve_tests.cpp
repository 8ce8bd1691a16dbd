#include "tradeoff/train/curve.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "save_clock.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/train/trainer.hpp"

namespace tradeoff::train {
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

TEST_F(Curve, of_a_finished_training_that_is_damaged_counts_as_not_done) {
  EXPECT_FALSE(is_complete(out));
  {
    CurveWriter writer(out, {});
    for (const std::int64_t step : {1, 2}) writer.add(row(step, "a"));
  }
  put(out / "complete.json", R"({"steps": 2})");
  ASSERT_TRUE(is_complete(out));
  EXPECT_EQ(trained_curve(out)->size(), 2u);
  const std::string whole = read_text(curve_file(out));
  for (std::size_t byte = 0; byte < whole.size(); ++byte) {
    std::string flipped = whole;
    flipped[byte] = static_cast<char>(flipped[byte] ^ 4);
    put(curve_file(out), flipped);
    EXPECT_FALSE(is_complete(out)) << byte;
  }
}

TEST_F(Curve, of_a_finished_training_is_taken_from_its_record_where_the_file_is_damaged) {
  std::vector<CurveRow> rows;
  {
    CurveWriter writer(out, {});
    for (const std::int64_t step : {1, 2}) writer.add(row(step, "a"));
    rows = writer.rows();
  }
  put(out / "complete.json", Json{{"steps", 2}, {"curve", curve_json(rows)}}.dump());
  put(curve_file(out), "gone");
  ASSERT_TRUE(trained_curve(out).has_value());
  EXPECT_EQ(trained_curve(out)->back().step, 2);
  EXPECT_EQ(saved_steps(out).done, 2);
}

TEST(SaveClock, saves_by_steps_where_they_are_said_and_else_below_2_percent_of_the_time) {
  const SaveClock every_third(3, 0), none(0, 0);
  EXPECT_TRUE(every_third.due(6, 0));
  EXPECT_FALSE(every_third.due(7, 1e9));
  EXPECT_FALSE(none.due(6, 1e9));

  for (const double cost : {0.01, 0.7, 20.0}) {
    SaveClock clock(std::nullopt, 1'000'000);
    double now = 0, saving = 0;
    for (std::int64_t step = 1; step < 20'000; ++step) {
      now += 1.3;
      if (!clock.due(step, now)) continue;
      clock.saved(now, now + cost);
      now += cost;
      saving += cost;
    }
    EXPECT_GT(saving, 0);
    EXPECT_LT(saving, 0.02 * now) << cost;
  }
}

}  // namespace
}  // namespace tradeoff::train
