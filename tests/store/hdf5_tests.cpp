#include "tradeoff/store/hdf5.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "store_fixture.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

struct Hdf5 : StoreFiles {
  fs::path path = folder / "file.h5";

  template <typename Fill>
  Hdf5Reader written(Fill fill) {
    Hdf5Writer file(path);
    fill(file);
    file.commit();
    return Hdf5Reader(path);
  }
};

TEST_F(Hdf5, gives_back_columns_of_every_kind_and_attributes) {
  for (const std::size_t n : {0, 1, 2000}) {
    Table table;
    table.add("zebra", Ints(n, std::numeric_limits<std::int64_t>::min()));
    table.add("numbers", Doubles(n, -0.1));
    table.add("flags", Flags(n, -1));
    table.add("text", Strings(n, "漢字 🙂\n"));
    table.add("empty_text", Strings(n));
    RaggedInts ragged;
    for (std::size_t i = 0; i < n; ++i) ragged.add(Ints(i % 7, static_cast<std::int64_t>(i)));
    table.add("ragged", ragged);
    table.add("matrix", Matrix{4, Doubles(4 * n, 1.5)});
    for (int i = 0; i < 20; ++i) table.add("more" + std::to_string(i), Ints(n, i));
    const auto file = written([&](Hdf5Writer& out) {
      out.table("/a/b/table", table);
      out.attribute("/a", "text", std::string("ü"));
      out.attribute("/a", "count", std::int64_t{-5});
      out.attribute("/a", "share", 0.25);
      out.attribute("/a", "long", std::string(200'000, 'l'));
    });
    EXPECT_EQ(file.table("/a/b/table"), table) << n << " rows";
    EXPECT_EQ(file.children("/a/b/table")[0], "zebra");
    EXPECT_EQ(file.attributes("/a"), (Attributes{{"text", "ü"},
                                                 {"count", std::int64_t{-5}},
                                                 {"share", 0.25},
                                                 {"long", std::string(200'000, 'l')}}));
    EXPECT_TRUE(file.has("/a/b"));
    EXPECT_TRUE(file.has("/"));
    EXPECT_FALSE(file.has("/a/c"));
    EXPECT_FALSE(file.has("/x/y/z"));
  }
}

TEST_F(Hdf5, holds_text_as_utf8_without_nul_and_one_nan) {
  const auto file = written([&](Hdf5Writer& out) {
    out.column("/text", Strings{"half \xF0\x9F", std::string("a\0b", 3), "plain"});
    out.column("/nan", Doubles{-std::nan("7"), std::nan("")});
  });
  EXPECT_EQ(std::get<Strings>(file.column("/text")), (Strings{"half \uFFFD", "a\u2400b", "plain"}));
  const auto nan = std::get<Doubles>(file.column("/nan"));
  EXPECT_TRUE(std::isnan(nan[0]));
  EXPECT_EQ(std::bit_cast<std::uint64_t>(nan[0]), std::bit_cast<std::uint64_t>(nan[1]));
}

TEST_F(Hdf5, appears_only_when_committed) {
  {
    Hdf5Writer file(path);
    file.column("/n", Ints{1});
  }
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(Hdf5, says_so_when_the_disk_is_full_and_leaves_nothing) {
  for (const rlim_t bytes : {10, 1000, 100'000}) {
    const FileSizeLimit limit(bytes);
    Hdf5Writer file(path);
    file.column("/n", Ints(100'000, 1));
    const std::string what = message_of([&] { file.commit(); });
    EXPECT_NE(what.find("File too large"), std::string::npos) << what;
    EXPECT_NE(what.find("file.h5.tmp-"), std::string::npos) << what;
    EXPECT_TRUE(fs::is_empty(folder));
  }
}

TEST_F(Hdf5, refuses_foreign_empty_missing_and_torn_files_by_name) {
  put(path, "SELECT 1");
  EXPECT_TRUE(message_of([&] {
                Hdf5Reader file(path);
              }).starts_with(path.string() + ": not a whole HDF5 file: it does not begin as one"));
  put(path, "");
  EXPECT_EQ(message_of([&] { Hdf5Reader file(path); }),
            path.string() + ": the file is empty, expected HDF5");
  EXPECT_NE(message_of([&] { Hdf5Reader file(folder / "missing.h5"); }).find("missing.h5"),
            std::string::npos);

  written([](Hdf5Writer& out) {
    out.column("/text", Strings(50, "some text"));
    out.column("/n", Ints(50, 3));
  });
  const std::string whole = read_text(path);
  for (std::size_t size = 1; size < whole.size(); size += size < 200 ? 1 : 61) {
    put(path, whole.substr(0, size));
    const std::string what = message_of([&] { Hdf5Reader file(path); });
    ASSERT_TRUE(what.starts_with(path.string() + ": not a whole HDF5 file"))
        << size << ": " << what;
  }
}

TEST_F(Hdf5, reads_a_file_in_place_however_long_it_is) {
  (void)written([](Hdf5Writer& out) { out.column("/n", Ints(50, 3)); });
  // A copy would not fit.
  fs::resize_file(path, std::size_t{1} << 37);
  EXPECT_EQ(std::get<Ints>(Hdf5Reader(path).column("/n")), Ints(50, 3));
}

TEST_F(Hdf5, names_the_path_inside_the_file) {
  const auto file = written([](Hdf5Writer& out) {
    out.group("/runs/base");
    out.column("/runs/n", Ints{1, 2});
    out.column("/runs/x", Doubles{1});
    out.group("/bad");
    out.attribute("/bad", "encoding", std::string("ragged"));
    out.column("/bad/offsets", Ints{0, 3, 2});
    out.column("/bad/values", Ints{1, 2});
  });
  const std::string at = path.string() + ":";
  EXPECT_TRUE(message_of([&] { file.column("/runs/y"); }).starts_with(at + "/runs/y: H5Oopen: "));
  EXPECT_EQ(message_of([&] { file.column("/runs/base"); }),
            at + "/runs/base: found a group, expected a column");
  EXPECT_EQ(message_of([&] { file.table("/runs"); }),
            at + "/runs/base: found a group, expected a column");
  EXPECT_EQ(message_of([&] { file.column("/bad"); }),
            at + "/bad: offsets do not rise from 0 to the number of values");
  Hdf5Writer out(folder / "other.h5");
  out.column("/n", Ints{1});
  EXPECT_TRUE(message_of([&] {
                out.column("/n", Ints{1});
              }).starts_with((folder / "other.h5").string() + ":/n: H5Dcreate2: "));
  EXPECT_NE(message_of([&] {
              out.column("/m", Matrix{2, {1, 2, 3}});
            }).find("/m: 3 numbers are no rows"),
            std::string::npos);
}

TEST_F(Hdf5, a_table_with_ragged_lengths_in_the_file_is_refused) {
  const auto file = written([](Hdf5Writer& out) {
    out.group("/t");
    out.column("/t/n", Ints{1, 2});
    out.column("/t/x", Doubles{1});
  });
  EXPECT_EQ(message_of([&] { file.table("/t"); }),
            path.string() + ":/t/x: column \"x\" has 1 rows, the columns before it have 2");
}

TEST_F(Hdf5, two_readers_of_one_path_each_see_their_own_content) {
  const auto first = written([](Hdf5Writer& out) { out.column("/n", Ints{1}); });
  const auto second = written([](Hdf5Writer& out) { out.column("/n", Ints{2}); });
  EXPECT_EQ(std::get<Ints>(first.column("/n")), Ints{1});
  EXPECT_EQ(std::get<Ints>(second.column("/n")), Ints{2});
}

}  // namespace
}  // namespace tradeoff::store
