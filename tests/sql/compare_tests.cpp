#include "tradeoff/sql/judge/compare.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <numeric>
#include <random>

#include "../slow_build.hpp"

namespace tradeoff::sql {
namespace {

Value null() {
  return {};
}
Value integer(std::int64_t number) {
  return {.kind = Value::Kind::integer, .integer = number, .real = 0, .bytes = {}};
}
Value real(double number) {
  return {.kind = Value::Kind::real, .integer = 0, .real = number, .bytes = {}};
}
Value text(std::string_view bytes) {
  return {.kind = Value::Kind::text, .integer = 0, .real = 0, .bytes = bytes};
}

Rows table(std::vector<std::vector<Value>> rows) {
  std::vector<Value> cells;
  for (const auto& row : rows) cells.insert(cells.end(), row.begin(), row.end());
  const std::size_t width = rows.empty() ? 0 : rows.front().size();
  return Rows(width, std::move(cells), nullptr);
}

TEST(Compare, values_are_equal_as_python_compares_them) {
  EXPECT_TRUE(integer(1) == real(1.0));
  EXPECT_TRUE(null() == null());
  EXPECT_FALSE(text("1") == integer(1));
  EXPECT_FALSE(text("a") == text("A"));
  EXPECT_FALSE(real(0.1 + 0.2) == real(0.3));
  // 2^53 + 1 has no equal among the reals.
  EXPECT_FALSE(integer((std::int64_t{1} << 53) + 1) == real(9007199254740992.0));
  EXPECT_TRUE(integer(std::int64_t{1} << 53) == real(9007199254740992.0));
  EXPECT_FALSE(integer(std::numeric_limits<std::int64_t>::max()) == real(9223372036854775808.0));
  EXPECT_EQ(hash_value(integer(1)), hash_value(real(1.0)));
}

TEST(Compare, sets_forget_order_and_duplicates_and_bags_only_order) {
  const Rows a = table({{integer(1)}, {integer(2)}, {integer(2)}});
  const Rows b = table({{integer(2)}, {integer(1)}, {integer(1)}});
  EXPECT_TRUE(equal_as_sets(a, b));
  EXPECT_FALSE(equal_strictly(a, b, RowOrder::free));
  EXPECT_FALSE(equal_up_to_columns(a, b, RowOrder::free));
  const Rows c = table({{integer(2)}, {integer(1)}, {integer(2)}});
  EXPECT_TRUE(equal_strictly(a, c, RowOrder::free));
  EXPECT_TRUE(equal_up_to_columns(a, c, RowOrder::free));
  EXPECT_FALSE(equal_up_to_columns(a, c, RowOrder::fixed));
}

TEST(Compare, two_empty_results_are_equal_whatever_their_columns) {
  EXPECT_TRUE(equal_as_sets(Rows(), Rows(2, {}, nullptr)));
  EXPECT_TRUE(equal_up_to_columns(Rows(), Rows(3, {}, nullptr), RowOrder::fixed));
  EXPECT_EQ(soft_f1(Rows(), Rows()), 1.0);
  EXPECT_FALSE(equal_up_to_columns(Rows(), table({{null()}}), RowOrder::free));
}

TEST(Compare, columns_in_another_order_are_right_by_exec_and_wrong_by_strict) {
  const Rows a = table({{integer(1), text("x")}, {integer(2), text("y")}});
  const Rows b = table({{text("x"), integer(1)}, {text("y"), integer(2)}});
  EXPECT_TRUE(equal_up_to_columns(a, b, RowOrder::fixed));
  EXPECT_FALSE(equal_strictly(a, b, RowOrder::fixed));
  EXPECT_FALSE(equal_as_sets(a, b));
  // Each column alone agrees, the rows do not.
  const Rows c = table({{text("y"), integer(1)}, {text("x"), integer(2)}});
  EXPECT_FALSE(equal_up_to_columns(a, c, RowOrder::free));
}

TEST(Compare, soft_f1_does_not_depend_on_the_order_of_rows) {
  const Rows a = table({{integer(1), text("x")}, {integer(2), text("y")}});
  const Rows b = table({{integer(2), text("y")}, {integer(1), text("x")}});
  EXPECT_EQ(soft_f1(a, b), 1.0);
  const Rows half = table({{integer(1), text("z")}, {integer(2), text("z")}});
  EXPECT_NEAR(soft_f1(a, half), 0.5, 1e-12);
  EXPECT_EQ(soft_f1(a, Rows()), 0.0);
}

double milliseconds(const std::function<void()>& act) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    act();
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

// The best of five runs: a busy machine must not fail it, a search that blows up must.
TEST(Compare, twelve_columns_of_equal_values_are_compared_within_10_ms) {
  constexpr std::size_t kWidth = 12;
  std::mt19937 random(7);
  // All cells equal, then columns that hold the same values in other orders: the worst for a search
  // by sets of values. The last row makes the two differ where they should.
  for (const bool shuffled : {false, true})
    for (const bool equal : {true, false}) {
      std::vector<std::vector<Value>> a(200, std::vector<Value>(kWidth, integer(1)));
      if (shuffled)
        for (std::size_t column = 0; column < kWidth; ++column) {
          std::vector<int> order(a.size());
          std::iota(order.begin(), order.end(), 0);
          std::shuffle(order.begin(), order.end(), random);
          for (std::size_t row = 0; row < a.size(); ++row) a[row][column] = integer(order[row] % 2);
        }
      auto b = a;
      for (auto& row : b) std::reverse(row.begin(), row.end());
      if (!equal && shuffled) {
        // Every column keeps its values.
        const auto other =
            std::find_if(b.begin(), b.end(), [&](const auto& row) { return !(row[3] == b[0][3]); });
        std::swap(b[0][3], (*other)[3]);
      }
      if (!equal && !shuffled) b[0][3] = integer(2);
      const Rows left = table(a), right = table(b);
      for (const RowOrder order : {RowOrder::free, RowOrder::fixed}) {
        bool found = false;
        EXPECT_LT(milliseconds([&] { found = equal_up_to_columns(left, right, order); }),
                  kSlowBuild ? 500 : 10)
            << shuffled << equal;
        EXPECT_EQ(found, equal);
      }
    }
}

}  // namespace
}  // namespace tradeoff::sql
