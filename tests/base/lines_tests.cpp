#include "tradeoff/base/lines.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tradeoff/base/error.hpp"
#include "tradeoff/base/file_size.hpp"
#include "tradeoff/base/json.hpp"

namespace tradeoff {
namespace {

namespace fs = std::filesystem;

// A file of `text` and then so many bytes that were never written, and `end`.
struct HoledFile {
  fs::path path =
      fs::temp_directory_path() / ("tradeoff-lines-" + std::to_string(::getpid()) + ".jsonl");
  HoledFile(const std::string& text, std::size_t hole, const std::string& end) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.seekp(static_cast<std::streamoff>(text.size() + hole));
    file << end;
  }
  ~HoledFile() { fs::remove(path); }
};

TEST(Lines, are_numbered_and_tell_how_they_end) {
  Lines lines("a\n\nb");
  EXPECT_EQ(lines.next(), "a");
  EXPECT_EQ(lines.end(), Lines::End::newline);
  EXPECT_EQ(lines.next(), "");
  EXPECT_EQ(lines.next(), "b");
  EXPECT_EQ(lines.number(), 3u);
  EXPECT_EQ(lines.end(), Lines::End::text);
  EXPECT_FALSE(lines.next());
  EXPECT_FALSE(Lines("").next());
}

TEST(Lines, longer_than_any_text_has_them_end_the_walk) {
  for (const std::size_t length : {kLongestLine, kLongestLine + 1}) {
    const HoledFile file("x\n", length, "\ny\n");
    const MappedFile mapped(file.path);
    Lines lines(mapped.text());
    EXPECT_EQ(lines.next(), "x");
    EXPECT_EQ(lines.next()->size(), kLongestLine);
    const bool fits = length == kLongestLine;
    EXPECT_EQ(lines.end(), fits ? Lines::End::newline : Lines::End::too_long);
    EXPECT_EQ(lines.next().has_value(), fits);
  }
}

TEST(Lines, of_json_without_an_end_are_named) {
  const HoledFile file("{}\n", kLongestLine + 1, "\n");
  try {
    for_each_json_line(file.path, [](Json&, std::size_t) {});
    FAIL() << "read";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), file.path.string() + ":2: found no line end in 256 MiB");
  }
}

TEST(FileSize, of_a_kind_is_held_to) {
  const HoledFile file("", (std::size_t{2} << 20) - 1, "x");
  EXPECT_NO_THROW(check_size(MappedFile(file.path), 2));
  try {
    check_size(MappedFile(file.path), 1);
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), file.path.string() + ": has 2097152 bytes, expected at most 1 MiB");
  }
}

}  // namespace
}  // namespace tradeoff
