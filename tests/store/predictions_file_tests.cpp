#include "tradeoff/store/predictions_file.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "store_fixture.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/seed.hpp"
#include "trust.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

Predictions small() {
  Predictions predictions;
  predictions.config = {{"study", "small"}, {"seeds", {1}}};
  predictions.commit = "abc";
  predictions.versions = {{"spider", "1"}};
  predictions.items["spider"].add("id", Strings{"a", "b"});
  Run run;
  run.rows.add("item", Ints{0, 1});
  run.rows.add("text", Strings{"SELECT 1", ""});
  run.rows.add("set", Flags{1, 0});
  run.attributes = {{"adapter", "ef01"}};
  predictions.runs[{"base", 18446744073709551615u, "spider"}] = run;
  predictions.training[{"qlora", 2}].add("step", Ints{1});
  predictions.summary["spider"].add("accuracy", Doubles{0.5});
  return predictions;
}

struct PredictionsFile : StoreFiles {
  fs::path path = folder / "predictions.h5";
  std::string write_error(const Predictions& predictions) {
    return message_of([&] { write_predictions(path, predictions); });
  }
  std::string read_error() {
    return message_of([&] { read_predictions(path); });
  }
};

TEST_F(PredictionsFile, gives_back_everything) {
  const Predictions out = small();
  write_predictions(path, out);
  const Predictions in = read_predictions(path);
  EXPECT_EQ(in.config, out.config);
  EXPECT_EQ(in.commit, out.commit);
  EXPECT_EQ(in.versions, out.versions);
  EXPECT_EQ(in.items, out.items);
  EXPECT_EQ(in.runs, out.runs);
  EXPECT_EQ(in.training, out.training);
  EXPECT_EQ(in.summary, out.summary);
}

// Whoever opens the file without this program reads what a column holds.
TEST_F(PredictionsFile, columns_say_what_they_hold) {
  write_predictions(path, small());
  const Hdf5Reader file(path);
  for (const auto& [column, begin] :
       {std::pair{"/items/spider/id", "the question's id"},
        {"/runs/base/seed-18446744073709551615/spider/set", "equal sets of rows"},
        {"/runs/qlora/seed-2/training/step", "optimizer step, from 1"},
        {"/summary/spider/accuracy", "share of right answers"}}) {
    const Attributes attributes = file.attributes(column);
    ASSERT_TRUE(attributes.contains("description")) << column;
    EXPECT_TRUE(std::get<std::string>(attributes.at("description")).starts_with(begin)) << column;
  }
  EXPECT_EQ(column_text("nosuch"), "");
}

TEST_F(PredictionsFile, of_nothing_is_a_file_without_runs) {
  write_predictions(path, {});
  EXPECT_TRUE(read_predictions(path).runs.empty());
}

TEST_F(PredictionsFile, has_the_same_bytes_from_every_process_and_after_reading_back) {
  // glibc fills fresh and freed memory with these bytes, so that uninitialised ones would show.
  std::string first;
  for (const int n : {0, 1, 300}) {
    for (const char* fill : {"0", "85", "170"}) {
      const fs::path out = folder / fmt::format("{}-{}.h5", n, fill);
      ASSERT_EQ(std::system(
                    fmt::format("MALLOC_PERTURB_={} {} {} {}", fill, STORE_SAMPLE, out.string(), n)
                        .c_str()),
                0);
      const std::string digest = sha256_file(out);
      if (std::string_view(fill) == "0") first = digest;
      EXPECT_EQ(digest, first) << n << " items, fill " << fill;
    }
    write_predictions(path, read_predictions(folder / fmt::format("{}-0.h5", n)));
    EXPECT_EQ(sha256_file(path), first) << n;
  }
}

TEST_F(PredictionsFile, is_not_written_when_a_run_lacks_an_item_or_holds_one_twice) {
  auto predictions = small();
  auto& run = predictions.runs.begin()->second;
  const std::string where = "/runs/base/seed-18446744073709551615/spider: ";
  run.rows = Table();
  run.rows.add("item", Ints{0});
  EXPECT_EQ(write_error(predictions), where + "1 rows, but /items/spider has 2");
  run.rows = Table();
  run.rows.add("item", Ints{0, 0});
  EXPECT_EQ(write_error(predictions), where + "row 1 is of item 0, expected item 1");
  run.rows = Table();
  run.rows.add("text", Strings{"", ""});
  EXPECT_EQ(write_error(predictions), "no column \"item\", only text");
  predictions.runs[{"base", 1, "mmlu"}] = {};
  EXPECT_EQ(write_error(predictions), "/runs/base/seed-1/mmlu: no items of task \"mmlu\"");
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(PredictionsFile, refuses_names_that_are_no_group) {
  auto predictions = small();
  predictions.runs[{"a/b", 1, "spider"}] = predictions.runs.begin()->second;
  EXPECT_NE(write_error(predictions).find("arm \"a/b\""), std::string::npos);
  predictions = small();
  predictions.config["study"] = {{"name", "../../outside"}};
  EXPECT_NE(write_error(predictions).find("study.name \"../../outside\""), std::string::npos);
  predictions = small();
  predictions.items["training"] = predictions.items["spider"];
  predictions.runs[{"base", 1, "training"}] = predictions.runs.begin()->second;
  EXPECT_NE(write_error(predictions).find("may not be called \"training\""), std::string::npos);
}

TEST_F(PredictionsFile, of_a_stranger_or_another_version_is_refused_by_name) {
  const auto stranger = [&](auto fill) {
    Hdf5Writer file(path);
    fill(file);
    file.commit();
  };
  stranger([](Hdf5Writer& file) { file.column("/n", Ints{1}); });
  EXPECT_EQ(read_error(),
            path.string() +
                ": not a predictions file of tradeoff: attribute \"schema_version\" is missing");
  stranger([](Hdf5Writer& file) { file.attribute("/", "schema_version", std::int64_t{99}); });
  EXPECT_EQ(read_error(), path.string() + ": found schema version 99, expected 1 or 2");
  stranger([](Hdf5Writer& file) {
    file.attribute("/", "schema_version", std::int64_t{1});
    for (const char* name : {"config", "versions"}) file.attribute("/", name, "{}");
    file.attribute("/", "commit", "");
    for (const char* group : {"/items", "/summary", "/runs/base/other"}) file.group(group);
  });
  EXPECT_EQ(read_error(), path.string() + ": found group \"other\", expected \"seed-<number>\"");
}

TEST_F(PredictionsFile, of_a_stranger_with_a_name_that_leads_outside_is_refused) {
  const auto of_config = [&](const std::string& config) {
    Hdf5Writer file(path);
    file.attribute("/", "schema_version", std::int64_t{1});
    file.attribute("/", "config", config);
    file.attribute("/", "versions", "{}");
    file.attribute("/", "commit", "");
    for (const char* group : {"/items", "/summary", "/runs"}) file.group(group);
    file.commit();
    return read_error();
  };
  EXPECT_EQ(of_config(R"({"study":{"name":"a study"}})"), "(no error)");
  for (const char* name : {"../x", "/etc/x", "a/b", "..", "", ".x", "a\\nb"}) {
    const std::string error = of_config(std::string(R"({"study":{"name":")") + name + "\"}}");
    EXPECT_TRUE(error.starts_with(path.string() + ": config: study.name")) << error;
  }
  EXPECT_NE(of_config(std::string(20000, '[')).find("nested deeper"), std::string::npos);
}

TEST_F(PredictionsFile, is_held_to_the_completion_record_beside_it) {
  write_predictions(path, small());
  const std::string whole = read_text(path);
  const auto record = [&](const std::string& sha) {
    put(folder / "complete.json", R"({"complete":true,"predictions_sha256":")" + sha + "\"}");
  };
  record(sha256(whole));
  EXPECT_EQ(read_predictions(path).commit, "abc");
  std::string damaged = whole;
  damaged[damaged.size() / 2] ^= 1;
  put(path, damaged);
  const std::string what = read_error();
  EXPECT_TRUE(what.starts_with(path.string() + ": its SHA-256 is ")) << what;
  EXPECT_NE(what.find("complete.json"), std::string::npos);
  // The record of another file says nothing of this one; a damaged record says nothing at all.
  fs::rename(path, folder / "mine.h5");
  EXPECT_EQ(message_of([&] { read_predictions(folder / "mine.h5"); }).find("SHA-256"),
            std::string::npos);
  put(path, whole);
  put(folder / "complete.json", std::string(64, '\0'));
  EXPECT_EQ(read_predictions(path).commit, "abc");
}

// Each mutant is read, refused by an Error, or crashes a child: this process lives.
TEST_F(PredictionsFile, mutated_anywhere_costs_a_message_at_most) {
  write_predictions(path, small());
  const std::string whole = read_text(path);
  SeedStream random(17, "mutants");
  for (int mutant = 0; mutant < 150; ++mutant) {
    std::string bytes = whole;
    for (std::uint64_t edits = 1 + random.below(8); edits > 0; --edits) {
      const std::uint64_t at = random.below(bytes.size());
      const auto width = std::min<std::uint64_t>(1u << random.below(4), bytes.size() - at);
      const bool all = random.below(2) == 0;
      for (std::uint64_t i = 0; i < width; ++i)
        bytes[at + i] = all ? '\xff' : static_cast<char>(random.below(256));
    }
    put(path, bytes);
    const std::string what = read_error();
    EXPECT_TRUE(what == "(no error)" || what.starts_with(path.string())) << mutant << ": " << what;
  }
}

TEST(Trust, turns_a_crash_into_a_message_and_leaves_an_error_to_the_reader) {
  const fs::path path = fs::temp_directory_path() / "tradeoff-no-record" / "predictions.h5";
  EXPECT_EQ(message_of([&] { check_readable(path, [] {}); }), "(no error)");
  EXPECT_EQ(message_of([&] { check_readable(path, [] { fail("an error"); }); }), "(no error)");
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE}) {
    const std::string what =
        message_of([&] { check_readable(path, [signal] { std::raise(signal); }); });
    EXPECT_NE(what.find("the HDF5 library crashed on it"), std::string::npos) << what;
  }
  // A library that goes round and round.
  const std::string endless = message_of([&] {
    check_readable(path, [] {
      for (volatile unsigned turns = 0;; turns = turns + 1) {
      }
    });
  });
  EXPECT_NE(endless.find("took more than 5 s"), std::string::npos) << endless;
  EXPECT_NE(message_of([&] { check_readable(path, [] { ::_exit(3); }); }).find("crashed"),
            std::string::npos);
}

TEST_F(PredictionsFile, cut_anywhere_is_refused) {
  write_predictions(path, small());
  const std::string whole = read_text(path);
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    put(path, whole.substr(0, size));
    ASSERT_TRUE(read_error().starts_with(path.string() + ": ")) << size << ": " << read_error();
  }
}

}  // namespace
}  // namespace tradeoff::store
