#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "tradeoff/base/csv.hpp"
#include "tradeoff/base/error.hpp"

namespace tradeoff {
namespace {

using Fields = std::vector<std::string>;

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

struct Csv : testing::Test {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("tradeoff-csv-" + std::to_string(::getpid()));
  void SetUp() override { std::filesystem::create_directories(folder); }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::filesystem::path file(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  }
};

TEST_F(Csv, fields_keep_commas_line_breaks_and_doubled_quotes) {
  const auto rows =
      read_csv(file("a.csv", "a,\"b, \"\"c\"\"\",\n\"x\r\ny\nz\",2,3\r\nlast,5\" pipe,\"\""));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].fields, (Fields{"a", "b, \"c\"", ""}));
  EXPECT_EQ(rows[1].fields, (Fields{"x\r\ny\nz", "2", "3"}));
  EXPECT_EQ(rows[2].fields, (Fields{"last", "5\" pipe", ""}));
  EXPECT_EQ(rows[2].row, 3u);
  EXPECT_EQ(rows[2].line, 5u);
}

TEST_F(Csv, blank_lines_and_a_byte_order_mark_are_no_data) {
  const auto rows = read_csv(file("a.csv",
                                  "\xEF\xBB\xBF"
                                  "a,b\n\n\r\nc,d\n\n"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].fields, (Fields{"a", "b"}));
  EXPECT_EQ(rows[1].line, 4u);
  EXPECT_TRUE(read_csv(file("empty.csv", "")).empty());
}

TEST_F(Csv, another_separator_leaves_commas_alone) {
  const auto rows = parse_csv("a,b;\"c;d\";\n1;2;3\n", "x.csv", ';');
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].fields, (Fields{"a,b", "c;d", ""}));
  EXPECT_EQ(rows[1].fields, (Fields{"1", "2", "3"}));
  const std::string after = message_of([] { parse_csv("\"a\",b\n", "x.csv", ';'); });
  EXPECT_NE(after.find("x.csv:1: row 1: found ',' after a closing quote, expected ';'"), after.npos)
      << after;
}

TEST_F(Csv, malformed_rows_are_named) {
  const std::string open = message_of([&] { read_csv(file("a.csv", "a,b\nc,\"d\ne,f\n")); });
  EXPECT_NE(open.find("a.csv:2: row 2: the quote that opens field 2 is never closed"), open.npos)
      << open;
  const std::string after = message_of([&] { read_csv(file("b.csv", "\"x\ny\",1\n\"d\"e,f\n")); });
  EXPECT_NE(after.find("b.csv:3: row 2: found 'e' after a closing quote"), after.npos) << after;
  const std::string bytes = message_of([&] { read_csv(file("c.csv", "a\nb,\xC3(\n")); });
  EXPECT_NE(bytes.find("c.csv:2: row 2: field 2 is not UTF-8 at its byte 0"), bytes.npos) << bytes;
  for (const std::string& field : {std::string("x\0y", 3), std::string("\"x\0y\"", 5)}) {
    const std::string nul = message_of([&] { read_csv(file("d.csv", "a,b\nc," + field + "\n")); });
    EXPECT_NE(nul.find("d.csv:2: row 2: field 2 holds a NUL byte"), nul.npos) << nul;
  }
  const std::string missing = message_of([&] { read_csv(folder / "no.csv"); });
  EXPECT_NE(missing.find("no.csv"), missing.npos);
}

}  // namespace
}  // namespace tradeoff
