#include "figures/svg.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <regex>

namespace tradeoff::report {
namespace {

TEST(PointNames, do_not_cover_each_other_and_stay_inside) {
  constexpr Frame kFrame{44, 430, 10, 252};
  Svg svg(460, 290, "title", "description");
  PointNames names(svg, kFrame);
  for (const double x : {200.0, 203.0, 199.0, 425.0, 424.0}) names.add(x, 246, "an-arm");
  names.add(200, 12, "highest");
  const std::string drawn = svg.finish();
  const std::regex label(R"re(class="label" x="([\d.]+)" y="([\d.]+)")re");
  std::vector<std::pair<double, double>> places;
  for (auto at = std::sregex_iterator(drawn.begin(), drawn.end(), label);
       at != std::sregex_iterator(); ++at)
    places.emplace_back(std::stod((*at)[1]), std::stod((*at)[2]));
  ASSERT_EQ(places.size(), 6u) << drawn;
  for (std::size_t i = 0; i < places.size(); ++i) {
    EXPECT_GT(places[i].second, kFrame.top + 6);
    EXPECT_LT(places[i].second, kFrame.bottom);
    for (std::size_t j = 0; j < i; ++j) {
      const bool beside = std::abs(places[i].first - places[j].first) > 42;
      EXPECT_TRUE(beside || std::abs(places[i].second - places[j].second) >= 13) << i << " " << j;
    }
  }
}

TEST(Shortened, labels_that_would_look_alike_keep_their_ends) {
  EXPECT_EQ(shortened_apart({"high_school_macroeconomics", "high_school_microeconomics",
                             "high_school_computer_science", "law"},
                            16),
            (std::vector<std::string>{"…_macroeconomics", "…_microeconomics", "high_sch…science",
                                      "law"}));
}

TEST(PercentScale, ends_at_0_and_100) {
  const Scale low = percent_scale({0, 0, 16.8}, 100, 0), high = percent_scale({70, 99.9}, 100, 0);
  EXPECT_EQ(low.low, 0);
  EXPECT_GT(low.high, 16.8);
  EXPECT_EQ(high.high, 100);
  EXPECT_LT(high.low, 70);
  EXPECT_EQ(percent_scale({0}, 100, 0).low, 0) << "one value has room above it";
}

}  // namespace
}  // namespace tradeoff::report
