#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/build_info.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/hash.hpp"
#include "tradeoff/base/json.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/base/seed.hpp"

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

}  // namespace
}  // namespace tradeoff
