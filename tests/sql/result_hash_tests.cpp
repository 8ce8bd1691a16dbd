#include "tradeoff/sql/sandbox/result_hash.hpp"

#include <gtest/gtest.h>

namespace tradeoff::sql {
namespace {

Value integer(std::int64_t value) {
  Value out;
  out.kind = Value::Kind::integer;
  out.integer = value;
  return out;
}

Value real(double value) {
  Value out;
  out.kind = Value::Kind::real;
  out.real = value;
  return out;
}

Value text(std::string_view bytes, Value::Kind kind = Value::Kind::text) {
  Value out;
  out.kind = kind;
  out.bytes = bytes;
  return out;
}

std::string hash_of(std::size_t width, std::vector<Value> cells) {
  return result_hash(Rows(width, std::move(cells), nullptr));
}

TEST(ResultHash, equal_bags_of_rows_are_equal_whatever_their_order) {
  EXPECT_EQ(hash_of(2, {integer(1), text("a"), integer(2), text("b")}),
            hash_of(2, {integer(2), text("b"), integer(1), text("a")}));
  EXPECT_EQ(hash_of(1, {integer(1)}), hash_of(1, {real(1.0)})) << "1 == 1.0, as Value has it";
  EXPECT_EQ(hash_of(0, {}), result_hash(Rows()));
  EXPECT_EQ(hash_of(1, {integer(1)}).size(), 16u);
}

TEST(ResultHash, other_results_differ) {
  const std::vector<std::string> hashes = {hash_of(0, {}),
                                           hash_of(1, {integer(1)}),
                                           hash_of(1, {integer(1), integer(1)}),
                                           hash_of(2, {integer(1), integer(1)}),
                                           hash_of(1, {text("1")}),
                                           hash_of(1, {text("1", Value::Kind::blob)}),
                                           hash_of(1, {Value()}),
                                           hash_of(1, {real(1.5)}),
                                           hash_of(2, {text("a;"), text("b")}),
                                           hash_of(2, {text("a"), text(";b")}),
                                           hash_of(2, {integer(1), integer(2)}),
                                           hash_of(2, {integer(2), integer(1)})};
  for (std::size_t i = 0; i < hashes.size(); ++i)
    for (std::size_t k = i + 1; k < hashes.size(); ++k) EXPECT_NE(hashes[i], hashes[k]) << i << k;
}

// Files keep them: a change would make votes of old files wrong.
TEST(ResultHash, is_the_same_on_every_machine) {
  EXPECT_EQ(hash_of(1, {integer(1)}), "3f29918e432a9bae");
}

}  // namespace
}  // namespace tradeoff::sql
