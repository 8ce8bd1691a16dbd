#include <gtest/gtest.h>

#include <string_view>
#include <utility>
#include <vector>

#include "tradeoff/sql/sandbox/result_text.hpp"

namespace tradeoff::sql {
namespace {

Result result_of(std::vector<std::string_view> texts) {
  Result result;
  result.columns = {"name"};
  std::vector<Value> cells;
  for (const std::string_view text : texts)
    cells.push_back({.kind = Value::Kind::text, .integer = 0, .real = 0, .bytes = text});
  result.rows = Rows(1, std::move(cells), nullptr);
  return result;
}

TEST(ResultText, shows_the_first_rows_and_how_many_there_are) {
  EXPECT_EQ(result_preview(result_of({"a", "b", "c"}), 2), "name\na\nb\n(2 of 3 rows)");
  EXPECT_EQ(result_preview(result_of({"a"})), "name\na\n(1 row)");
  EXPECT_EQ(result_preview(result_of({})), "name\n(0 rows)");
}

TEST(ResultText, cuts_long_lines_between_characters) {
  // Two bytes each: byte 5 is the middle of the third.
  EXPECT_EQ(result_preview(result_of({"\u00e4\u00e4\u00e4"}), 5, 5),
            "name\n\u00e4\u00e4...\n(1 ro...");
}

TEST(ResultText, of_a_failure_is_its_message_and_no_preview) {
  Result failed;
  failed.outcome = Outcome::sql_error;
  failed.message = "no such table: x";
  EXPECT_EQ(result_lines(failed, 5), (std::vector<std::string>{"sql_error", "no such table: x"}));
  EXPECT_EQ(result_preview(failed), "");
}

}  // namespace
}  // namespace tradeoff::sql
