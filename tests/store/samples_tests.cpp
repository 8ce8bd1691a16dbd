#include "samples.hpp"

#include "store_fixture.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

Table sample_of(const std::string& mark) {
  Table table;
  table.add("item", Ints{0, 1});
  table.add("text", Strings{"a" + mark, "b" + mark});
  RaggedInts ids;
  ids.add(std::vector<std::int64_t>{1, 2});
  ids.add(std::vector<std::int64_t>(mark.size(), 3));
  table.add("token_ids", ids);
  table.add("exec", Flags{1, -1});
  table.add("logprob", Doubles{-1.5, -2});
  return table;
}

Predictions sampled() {
  Predictions predictions;
  predictions.items["spider"].add("id", Strings{"a", "b"});
  predictions.runs[{"hot", 1, "spider"}] = {sample_of("0"),
                                            {sample_of("11"), sample_of("222")},
                                            {{"samples", std::int64_t{3}},
                                             {"temperature", 0.5},
                                             {"top_p", 1.0},
                                             {"top_k", std::int64_t{0}},
                                             {"sample_seed", std::int64_t{0}}}};
  predictions.runs[{"base", 1, "spider"}] = {sample_of(""), {}, {}};
  return predictions;
}

struct Samples : StoreFiles {
  fs::path path = folder / "predictions.h5";
};

TEST_F(Samples, a_run_is_one_table_item_by_item) {
  write_predictions(path, sampled());
  const Hdf5Reader file(path);
  const Table stored = file.table("/runs/hot/seed-1/spider");
  EXPECT_EQ(stored.at<Ints>("item"), (Ints{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(stored.at<Ints>("sample"), (Ints{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(stored.at<Strings>("text"), (Strings{"a0", "a11", "a222", "b0", "b11", "b222"}));
  EXPECT_FALSE(file.table("/runs/base/seed-1/spider").has("sample"));
  EXPECT_EQ(read_predictions(path).runs, sampled().runs);
}

TEST_F(Samples, the_schema_is_raised_by_sampled_runs_alone) {
  Predictions predictions = sampled();
  write_predictions(path, predictions);
  EXPECT_EQ(std::get<std::int64_t>(Hdf5Reader(path).attributes("/").at("schema_version")), 2);
  predictions.runs.erase({"hot", 1, "spider"});
  write_predictions(path, predictions);
  EXPECT_EQ(std::get<std::int64_t>(Hdf5Reader(path).attributes("/").at("schema_version")), 1);
}

TEST_F(Samples, what_is_told_of_them_must_fit) {
  const auto read_error = [&](const char* name, Attribute value) {
    Predictions predictions = sampled();
    predictions.runs[{"hot", 1, "spider"}].attributes[name] = std::move(value);
    write_predictions(path, predictions);
    return message_of([&] { read_predictions(path); });
  };
  EXPECT_NE(read_error("samples", std::int64_t{2}).find("\"samples\" is 2, the rows have 3"),
            std::string::npos);
  EXPECT_NE(read_error("temperature", std::string("warm")).find("\"temperature\""),
            std::string::npos);
}

TEST_F(Samples, rows_out_of_their_place_are_named) {
  const auto told = [](Ints item, Ints sample) {
    Table table;
    table.add("item", std::move(item));
    table.add("sample", std::move(sample));
    return message_of([&] { split_samples(table); });
  };
  EXPECT_EQ(told({0, 0, 1, 1}, {0, 1, 1, 0}),
            "row 2 is sample 1 of item 1, expected sample 0 of item 1");
  EXPECT_EQ(told({0, 0, 1}, {0, 1, 0}),
            "3 rows, expected the same number of samples of every item");
  EXPECT_NE(told({1, 1}, {0, 1}).find("expected"), std::string::npos);
  EXPECT_NE(told({}, {}).find("expected"), std::string::npos);
}

}  // namespace
}  // namespace tradeoff::store
