#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "save_clock.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/store/curve.hpp"
#include "tradeoff/train/trainer.hpp"

namespace tradeoff::train {
namespace {

namespace fs = std::filesystem;

struct TrainedCurve : testing::Test {
  fs::path out = fs::temp_directory_path() / ("tradeoff-trained-" + std::to_string(::getpid()));

  void SetUp() override { fs::create_directories(out); }
  void TearDown() override { fs::remove_all(out); }

  static store::CurveRow row(std::int64_t step, const std::string& start) {
    store::CurveRow made;
    made.step = step;
    made.loss = 1.0 / static_cast<double>(step);
    made.tokens = 100;
    made.seconds = 0.25;
    made.start = start;
    made.ranks = 2;
    return made;
  }
  void put(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
  }
};

TEST_F(TrainedCurve, that_is_damaged_counts_as_not_done) {
  EXPECT_FALSE(is_complete(out));
  {
    store::CurveWriter writer(out, {});
    for (const std::int64_t step : {1, 2}) writer.add(row(step, "a"));
  }
  put(out / "complete.json", R"({"steps": 2})");
  ASSERT_TRUE(is_complete(out));
  EXPECT_EQ(trained_curve(out)->size(), 2u);
  const std::string whole = read_text(store::curve_file(out));
  for (std::size_t byte = 0; byte < whole.size(); ++byte) {
    std::string flipped = whole;
    flipped[byte] = static_cast<char>(flipped[byte] ^ 4);
    put(store::curve_file(out), flipped);
    EXPECT_FALSE(is_complete(out)) << byte;
  }
}

TEST_F(TrainedCurve, is_taken_from_its_record_where_the_file_is_damaged) {
  std::vector<store::CurveRow> rows;
  {
    store::CurveWriter writer(out, {});
    for (const std::int64_t step : {1, 2}) writer.add(row(step, "a"));
    rows = writer.rows();
  }
  put(out / "complete.json", Json{{"steps", 2}, {"curve", store::curve_json(rows)}}.dump());
  put(store::curve_file(out), "gone");
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
