#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <thread>

#include "../slow_build.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/build_info.hpp"
#include "tradeoff/base/edit_distance.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/base/utf8.hpp"

namespace tradeoff {
namespace {

namespace fs = std::filesystem;

struct BaseFiles : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("tradeoff-base-" + std::to_string(::getpid()));
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
  fs::path file(const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  }
};

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "(no error)";
}

TEST(EditDistance, counts_slips_of_which_a_swap_is_one) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("name", ""), 4u);
  EXPECT_EQ(edit_distance("name", "nmae"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("ca", "abc"), 3u);  // no byte is moved twice
}

TEST(Seed, philox_equals_the_published_vectors) {
  // Random123's kat_vectors for philox4x32-10.
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t f = 0xffffffff;
  EXPECT_EQ(philox4x32({f, f, f, f}, {f, f}),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Seed, a_stream_depends_on_seed_and_name_alone) {
  SeedStream a(7, "shots"), b(7, "shots"), other_name(7, "order"), other_seed(8, "shots");
  const auto first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, other_name.next());
  EXPECT_NE(first, other_seed.next());
}

TEST(Seed, a_sample_holds_distinct_indices_and_refuses_too_many) {
  SeedStream stream(0, "sample");
  const auto drawn = sample_without_replacement(10, 10, stream);
  EXPECT_EQ(std::set<std::size_t>(drawn.begin(), drawn.end()).size(), 10u);
  EXPECT_THROW(sample_without_replacement(2, 3, stream), Error);
}

TEST(Seed, below_stays_in_range_and_refuses_zero) {
  SeedStream stream(1, "below");
  for (int i = 0; i < 1000; ++i) EXPECT_LT(stream.below(3), 3u);
  EXPECT_THROW(stream.below(0), Error);
}

TEST(BuildInfo, the_commit_is_a_hash_or_unknown) {
  const std::string commit(build_commit());
  const std::string digits = commit.substr(0, commit.find('-'));
  EXPECT_TRUE(
      commit == "unknown" ||
      (digits.size() == 40 && digits.find_first_not_of("0123456789abcdef") == std::string::npos))
      << commit;
  EXPECT_FALSE(build_version().empty());
}

TEST(Hash, known_digests) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
}

TEST_F(BaseFiles, an_uncommitted_file_never_appears) {
  const auto path = folder / "out";
  { AtomicFile(path).write("half"); }
  EXPECT_TRUE(fs::is_empty(folder));
  write_atomically(path, "whole");
  EXPECT_EQ(read_text(path), "whole");
}

TEST_F(BaseFiles, json_lines_name_file_and_line) {
  const auto path = file("rows.jsonl", "{\"id\":1}\n\n[2]\n");
  std::size_t rows = 0;
  const auto message =
      message_of([&] { for_each_json_line(path, [&](Json&, std::size_t) { ++rows; }); });
  EXPECT_EQ(rows, 1u);
  EXPECT_NE(message.find("rows.jsonl:3: expected a JSON object"), std::string::npos) << message;
}

TEST_F(BaseFiles, what_is_no_json_is_told_in_plain_words) {
  const auto path = file("bad.json", "{\"a\":");
  const auto message = message_of([&] { read_json(path); });
  EXPECT_TRUE(message.starts_with(path.string() + ": not JSON: parse error at line 1, column 6"))
      << message;
  EXPECT_EQ(message.find("json.exception"), std::string::npos) << message;
}

TEST_F(BaseFiles, a_message_about_bytes_that_are_no_text_is_text) {
  const auto message = message_of([&] { read_json(file("bytes.json", "{\"a\": 0.5\xFF}")); });
  EXPECT_NE(message.find("0.5\\xFF"), std::string::npos) << message;
  EXPECT_EQ(first_invalid_utf8(message), std::nullopt) << message;
  EXPECT_EQ(with_bytes_named("\xC3\xA9\xC3z\xF0\x9F"), "\xC3\xA9\\xC3z\\xF0\\x9F");
  EXPECT_EQ(with_bytes_named(""), "");
}

// Compared with bytes.decode(errors="ignore").
TEST(Utf8, what_is_not_is_left_out_as_python_does) {
  const auto kept = [](std::string_view bytes) {
    std::string out = "|";
    append_valid_utf8(out, bytes);
    return out;
  };
  EXPECT_EQ(kept(""), "|");
  EXPECT_EQ(kept("plain"), "|plain");
  EXPECT_EQ(kept("a\xE0\xA0"
                 "A"),
            "|aA");                          // cut off
  EXPECT_EQ(kept("\xF0\x9F\x98x"), "|x");    // cut off
  EXPECT_EQ(kept("\xC0\xAFy"), "|y");        // overlong
  EXPECT_EQ(kept("\xED\xA0\x80z"), "|z");    // half of a pair
  EXPECT_EQ(kept("\xF4\x90\x80\x80"), "|");  // beyond the last character
  EXPECT_EQ(kept("\xC3\xA9\xFF\xE2\x82\xAC"), "|\xC3\xA9\xE2\x82\xAC");
}

TEST_F(BaseFiles, json_with_nuls_behind_it_is_none) {
  const auto path = file("nul.json", std::string("{\"a\":1}\0\0\n", 10));
  const std::string told = "byte 7: found a NUL byte";
  EXPECT_NE(message_of([&] { read_json(path); }).find(path.string() + ": not JSON: " + told),
            std::string::npos);
  EXPECT_NE(message_of([&] { read_wide_json(path); }).find(told), std::string::npos);
  EXPECT_NE(message_of([&] {
              for_each_json_line(path, [](Json&, std::size_t) {});
            }).find(path.string() + ":1: " + told),
            std::string::npos);
}

TEST_F(BaseFiles, a_field_of_another_type_is_named) {
  const Json row = Json::parse(R"({"id":"x"})");
  EXPECT_NE(message_of([&] {
              field<int>(row, "id");
            }).find("key \"id\": found \"x\", expected an integer"),
            std::string::npos);
  EXPECT_NE(message_of([&] { field<int>(row, "gone"); }).find("missing key \"gone\""),
            std::string::npos);
  EXPECT_EQ(field_or<int>(row, "gone", 3), 3);
}

TEST_F(BaseFiles, deep_nesting_is_refused_and_an_empty_file_maps) {
  EXPECT_NE(message_of([&] {
              read_json(file("deep.json", std::string(100000, '[')));
            }).find("nested deeper"),
            std::string::npos);
  EXPECT_EQ(MappedFile(file("empty", "")).size(), 0u);
  EXPECT_THROW(MappedFile(folder / "missing"), Error);
}

TEST(Progress, durations_read_as_people_write_them) {
  EXPECT_EQ(format_duration(7.2), "7 s");
  EXPECT_EQ(format_duration(245), "4:05");
  EXPECT_EQ(format_duration(3723), "1:02:03");
}

TEST(Progress, tells_after_a_second_and_its_rate_leaves_out_what_was_done_before) {
  testing::internal::CaptureStderr();
  {
    Progress progress("spider", 100, "questions", 40);
    progress.update(41);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    progress.update(42);
  }
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_EQ(told.find("41/100"), std::string::npos) << told;
  EXPECT_NE(told.find("spider 42/100 questions (1."), std::string::npos) << told;
}

TEST(AtomicFile, leftovers_of_killed_writers_are_removed_and_nothing_else) {
  namespace fs = std::filesystem;
  const fs::path folder =
      fs::temp_directory_path() / ("tradeoff-leftovers-" + std::to_string(::getpid()));
  fs::create_directories(folder / "deep");
  AtomicFile written(folder / "deep" / "now");  // by this process, at this moment
  const auto put = [&](const char* name) { std::ofstream(folder / name) << "x"; };
  for (const char* name :
       {"a.json.tmp-12", "b.json.tmp-12", "deep/c.tmp-7", "a.json", "x.tmp-", "x.tmp-1a", "tmp-12"})
    put(name);
  ASSERT_EQ(::mkfifo((folder / "fifo.tmp-12").c_str(), 0600), 0);
  remove_leftovers_of(folder / "a.json");
  EXPECT_FALSE(fs::exists(folder / "a.json.tmp-12"));
  EXPECT_TRUE(fs::exists(folder / "b.json.tmp-12"));
  remove_leftovers_in(folder);
  EXPECT_FALSE(fs::exists(folder / "b.json.tmp-12"));
  EXPECT_FALSE(fs::exists(folder / "deep/c.tmp-7"));
  for (const char* name : {"a.json", "x.tmp-", "x.tmp-1a", "tmp-12", "fifo.tmp-12"})
    EXPECT_TRUE(fs::exists(folder / name)) << name;
  written.write("whole");
  written.commit();
  EXPECT_EQ(read_text(folder / "deep" / "now"), "whole");
  fs::remove_all(folder);
}

TEST(MappedFile, refuses_what_is_no_regular_file_without_waiting) {
  namespace fs = std::filesystem;
  const fs::path fifo = fs::temp_directory_path() / ("tradeoff-fifo-" + std::to_string(::getpid()));
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const fs::path& path : {fifo, fs::path("/dev/zero"), fs::path("/dev/null"), fs::path("/")}) {
    EXPECT_THROW(MappedFile{path}, Error) << path;
    EXPECT_THROW(read_json(path), Error) << path;
  }
  fs::remove(fifo);
}

TEST(Json, is_read_in_time_that_grows_with_its_size_or_refused) {
  std::string keys = "{", tensors = "{";
  for (int i = 0; i < 300000; ++i) {
    tensors += (i ? ",\"" : "\"") + std::to_string(i) + "\":" + std::to_string(i);
  }
  tensors += "}";
  EXPECT_THROW(parse_json(tensors), Error);
  const Stopwatch clock;
  const auto path = std::filesystem::temp_directory_path() / "tradeoff-wide.json";
  std::ofstream(path) << tensors;
  EXPECT_EQ(read_wide_json(path).size(), 300000u);
  std::filesystem::remove(path);
  for (std::size_t i = 0; i < kMaxKeys; ++i) {
    keys += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
  }
  EXPECT_EQ(parse_json(keys + "}").size(), kMaxKeys);
  EXPECT_THROW(parse_json(keys + ",\"more\":0}"), Error);
  EXPECT_LT(clock.seconds(), kSlowBuild ? 60 : 5);
}

TEST(Fields, hold_each_integer_to_the_range_of_its_type) {
  const auto found = [](const std::string& text, auto type) {
    return field<decltype(type)>(parse_json(R"({"v":)" + text + "}"), "v");
  };
  EXPECT_EQ(found("2147483647", int{}), 2147483647);
  EXPECT_EQ(found("-9223372036854775808", std::int64_t{}),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(found("18446744073709551615", std::uint64_t{}), ~std::uint64_t{0});
  EXPECT_EQ(found("[1, -2]", std::vector<int>{}), (std::vector<int>{1, -2}));
  for (const char* text : {"4294967300", "1099511627776", "-2147483649", "2.0", "1.5", "true",
                           "\"1\"", "18446744073709551616", "[1]", "{}"}) {
    EXPECT_THROW(found(text, int{}), Error) << text;
  }
  EXPECT_THROW(found("9223372036854775808", std::int64_t{}), Error);
  EXPECT_THROW(found("-1", std::uint64_t{}), Error);
  EXPECT_THROW(found("[1, 4294967300]", std::vector<int>{}), Error);
  EXPECT_THROW(found("[1, 2.5]", std::vector<std::int32_t>{}), Error);
  EXPECT_THROW(found("1", bool{}), Error);
  EXPECT_THROW(found("[1]", std::vector<std::string>{}), Error);
  EXPECT_THROW(found("1e39", float{}), Error);
  EXPECT_EQ(found("3", double{}), 3.0);
  try {
    found("4294967300", int{});
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "key \"v\": found 4294967300, expected an integer from -2147483648 to 2147483647");
  }
}

}  // namespace
}  // namespace tradeoff
