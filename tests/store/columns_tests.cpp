#include "tradeoff/store/columns.hpp"

#include <array>
#include <cmath>

#include "store_fixture.hpp"

namespace tradeoff::store {
namespace {

const std::array<Json, 3> kRows{
    Json{{"n", 3}, {"x", 0.5}, {"ok", true}, {"text", "a"}, {"ids", {4, 5}}, {"p", {-1.5, -2}}},
    Json{{"n", -1},
         {"x", nullptr},
         {"ok", nullptr},
         {"text", nullptr},
         {"ids", Json::array()},
         {"p", nullptr}},
    Json{{"n", 0}, {"x", 2}, {"ok", false}, {"text", ""}}};

TEST(Columns, take_values_and_mark_what_is_missing) {
  EXPECT_EQ(ints_of(kRows, "n"), (Ints{3, -1, 0}));
  const Doubles x = doubles_of(kRows, "x");
  EXPECT_TRUE(x[0] == 0.5 && std::isnan(x[1]) && x[2] == 2.0);
  EXPECT_EQ(flags_of(kRows, "ok"), (Flags{1, -1, 0}));
  EXPECT_EQ(strings_of(kRows, "text"), (Strings{"a", "", ""}));
  EXPECT_EQ(ragged_of(kRows, "ids"), (RaggedInts{{0, 2, 2, 2}, {4, 5}}));
  const Matrix p = matrix_of(kRows, "p", 2);
  EXPECT_EQ(p.rows(), 3u);
  EXPECT_TRUE(p.values[0] == -1.5 && p.values[1] == -2.0 && std::isnan(p.values[2]) &&
              std::isnan(p.values[5]));
  EXPECT_TRUE(ints_of({}, "n").empty());
}

TEST(Columns, name_row_and_key_of_a_bad_value) {
  const std::array<Json, 2> rows{Json{{"v", 1}}, Json{{"v", "x"}}};
  EXPECT_EQ(message_of([&] { ints_of(rows, "v"); }),
            "row 1: key \"v\": found \"x\", expected an integer from -9223372036854775808 to "
            "9223372036854775807");
  EXPECT_EQ(message_of([&] { ints_of(kRows, "absent"); }), "row 0: missing key \"absent\"");
  EXPECT_NE(message_of([&] { flags_of(rows, "v"); }).find("row 0: key \"v\": found 1"),
            std::string::npos);
  EXPECT_EQ(message_of([&] { ragged_of(rows, "v"); }),
            "row 0: key \"v\": found number, expected an array");
  EXPECT_EQ(message_of([&] { matrix_of(kRows, "p", 4); }),
            "row 0: key \"p\": found 2 numbers, expected 4");
}

}  // namespace
}  // namespace tradeoff::store
