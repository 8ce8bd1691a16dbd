#include "tradeoff/store/table.hpp"

#include "store_fixture.hpp"

namespace tradeoff::store {
namespace {

TEST(Table, keeps_the_order_of_its_columns_and_refuses_what_does_not_fit) {
  Table table;
  EXPECT_EQ(table.rows(), 0u);
  table.add("z", Ints{1, 2});
  table.add("a", Strings{"x", ""});
  EXPECT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.columns()[0].first, "z");
  EXPECT_EQ(table.at<Strings>("a")[0], "x");
  EXPECT_EQ(message_of([&] { table.add("z", Ints{1, 2}); }), "column \"z\" is there already");
  EXPECT_EQ(message_of([&] { table.add("short", Flags{1}); }),
            "column \"short\" has 1 rows, the columns before it have 2");
  EXPECT_NE(message_of([&] { table.add("a/b", Ints{1, 2}); }).find("no '/'"), std::string::npos);
  EXPECT_NE(message_of([&] { table.add("", Ints{1, 2}); }).find("not empty"), std::string::npos);
  EXPECT_EQ(message_of([&] { table.at("b"); }), "no column \"b\", only z, a");
  EXPECT_EQ(message_of([&] { table.at<Flags>("z"); }),
            "column \"z\": found integers, expected flags");
  Table read = table;
  read.set_origin("FILE:/items/spider");
  EXPECT_EQ(message_of([&] { read.at("b"); }), "FILE:/items/spider: no column \"b\", only z, a");
  EXPECT_EQ(message_of([&] { read.at<Flags>("z"); }),
            "FILE:/items/spider: column \"z\": found integers, expected flags");
  EXPECT_EQ(read, table);
}

TEST(Table, counts_the_rows_of_every_kind) {
  RaggedInts ragged;
  ragged.add(Ints{1, 2});
  ragged.add({});
  EXPECT_EQ(rows_of(Column(ragged)), 2u);
  EXPECT_EQ(ragged.row(0).size(), 2u);
  EXPECT_TRUE(ragged.row(1).empty());
  EXPECT_EQ(rows_of(Column(Matrix{2, {1, 2, 3, 4}})), 2u);
  EXPECT_EQ(rows_of(Column(Matrix{4, {}})), 0u);
  EXPECT_EQ(rows_of(Column(Doubles{1})), 1u);
}

}  // namespace
}  // namespace tradeoff::store
