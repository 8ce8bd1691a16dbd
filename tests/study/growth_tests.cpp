#include "growth.hpp"

#include <gtest/gtest.h>

#include "tradeoff/base/error.hpp"

namespace tradeoff::study {
namespace {

Json config_with(Json arms) {
  return {{"study", {{"seeds", {1}}}}, {"arms", std::move(arms)}};
}

std::string message_of(const Json& before, const Json& now) {
  try {
    growth_of(before, now);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(GrowthOf, names_the_arms_that_one_side_alone_has_and_what_changed) {
  const Json one = config_with({{"base", {{"shots", 1}}}, {"old", Json::object()}});
  const Json other = config_with({{"base", {{"shots", 2}}}, {"new", Json::object()}});
  const auto lines = growth_of(one, other);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "arm new is new");
  EXPECT_EQ(lines[1], "arm old is left out");
  EXPECT_NE(lines[2].find("shots"), std::string::npos) << lines[2];
  EXPECT_TRUE(growth_of(one, one).empty());
}

// A record that was damaged: of no kind of value is anything erased or looked up.
TEST(GrowthOf, arms_that_are_no_object_are_refused_on_either_side) {
  const Json whole = config_with({{"base", Json::object()}});
  for (const Json& arms : {Json(5), Json("base"), Json({"base"}), Json(nullptr)}) {
    const std::string wanted = "config.arms: found " + to_line(arms) + ", expected an object";
    EXPECT_EQ(message_of(config_with(arms), whole), wanted);
    EXPECT_EQ(message_of(whole, config_with(arms)), wanted);
  }
}

}  // namespace
}  // namespace tradeoff::study
