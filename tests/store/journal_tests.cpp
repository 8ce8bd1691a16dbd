#include "tradeoff/store/journal.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <limits>
#include <memory>

#include "journal_format.hpp"
#include "store_fixture.hpp"
#include "tradeoff/base/seed.hpp"
#include "tradeoff/store/difference.hpp"
#include "tradeoff/store/journal_progress.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using Chunks = std::map<std::uint64_t, std::vector<Json>>;

const Json kHeader = {{"items", "ab12"}, {"options", {{"chunk_size", 64}, {"dtype", "bfloat16"}}}};
const Start kStart = new_start(2);

std::vector<Json> rows_of_chunk(std::uint64_t chunk, int count) {
  std::vector<Json> rows;
  for (int i = 0; i < count; ++i) {
    rows.push_back({{"id", fmt::format("{}-{}", chunk, i)},
                    {"text", "é\n\"x\" 🙂"},
                    {"p", -0.1 / (i + 1)}});
  }
  return rows;
}

// What append() returns.
std::vector<Json> rows_in(const std::string& list) {
  return parse_json(list).get<std::vector<Json>>();
}

struct Journals : StoreFiles {
  fs::path journals = folder / "out.jsonl.journal";

  // Two chunks in one file; its bytes.
  std::string small_journal(Chunks& truth) {
    JournalWriter writer(journals, {{"items", "ab"}}, kStart);
    for (const std::uint64_t chunk : {7, 3}) {
      truth[chunk] =
          rows_in(writer.append(chunk, std::array{Json{{"t", "é"}}, Json{{"t", chunk}}}));
    }
    return read_text(writer.path());
  }
  Chunks read() { return read_journals(journals, kHeader).chunks; }
};

TEST_F(Journals, give_back_what_was_appended_whatever_the_number_of_writers) {
  Chunks truth;
  for (std::uint64_t chunk = 0; chunk < 10; ++chunk)
    truth[chunk] = rows_of_chunk(chunk, 1 + chunk % 3);
  for (const std::size_t ranks : {1, 2, 3, 12}) {
    remove_journals(journals);
    {
      std::vector<std::unique_ptr<JournalWriter>> writers;
      for (std::size_t r = 0; r < ranks; ++r) {
        writers.push_back(std::make_unique<JournalWriter>(journals, kHeader, kStart));
      }
      for (const auto& [chunk, rows] : truth) {
        EXPECT_EQ(rows_in(writers[chunk * 7 % ranks]->append(chunk, rows)), rows);
      }
    }
    const auto contents = read_journals(journals, kHeader);
    EXPECT_EQ(contents.chunks, truth);
    EXPECT_TRUE(contents.damage.empty());
    EXPECT_EQ(contents.files, std::min<std::size_t>(ranks, 10));  // empty ones remove themselves
  }
}

TEST_F(Journals, retired_chunks_leave_what_they_took_and_the_others_their_bytes) {
  const auto written = [&](std::vector<std::uint64_t> chunks) {
    JournalWriter writer(journals, kHeader, kStart);
    for (const std::uint64_t chunk : chunks) (void)writer.append(chunk, rows_of_chunk(chunk, 3));
    return writer.path();
  };
  const fs::path both = written({1, 2}), kept = written({3});
  const std::string kept_bytes = read_text(kept);
  const auto before = read_journals(journals, kHeader);
  EXPECT_EQ(retire_chunks(journals, {2, 3}), 3u);
  const auto after = read_journals(journals, kHeader);
  EXPECT_EQ(after.chunks, (Chunks{{2, rows_of_chunk(2, 3)}, {3, rows_of_chunk(3, 3)}}));
  EXPECT_EQ(after.redone_rows, 3u);
  EXPECT_TRUE(after.damage.empty());
  ASSERT_EQ(after.starts.size(), 1u);
  EXPECT_EQ(after.starts[0].seconds, before.starts[0].seconds);
  EXPECT_TRUE(after.starts[0].ended);
  EXPECT_EQ(read_text(kept), kept_bytes);
  const std::string bytes = read_text(both);
  EXPECT_EQ(retire_chunks(journals, {2, 3}), 0u) << "what is retired is not retired again";
  EXPECT_EQ(read_text(both), bytes);
  // One whose chunks all go still tells its start.
  EXPECT_EQ(retire_chunks(journals, {}), 6u);
  EXPECT_EQ(read_journals(journals, kHeader).redone_rows, 9u);
  EXPECT_EQ(read_journals(journals, kHeader).starts.size(), 1u);
  EXPECT_EQ(retire_chunks(folder / "none", {}), 0u);
}

TEST_F(Journals, retiring_passes_over_torn_and_damaged_lines) {
  fs::path path;
  {
    JournalWriter writer(journals, kHeader, kStart);
    for (const std::uint64_t chunk : {1, 2, 3}) (void)writer.append(chunk, rows_of_chunk(chunk, 2));
    path = writer.path();
  }
  std::string text = read_text(path);
  const std::size_t in_second = text.find("2-1");
  text[in_second] = 'x';
  put(path, text + "{\"crc32c\":\"");
  EXPECT_EQ(retire_chunks(journals, {2, 3}), 2u);
  EXPECT_EQ(read().size(), 1u);
  EXPECT_TRUE(read().contains(3));
}

TEST_F(Journals, with_a_hole_behind_their_lines_lose_no_line) {
  Chunks truth;
  const std::string whole = small_journal(truth);
  const fs::path path = journals_of(journals).front();
  constexpr std::size_t kHole = std::size_t{2} << 30;
  fs::resize_file(path, whole.size() + kHole);
  const JournalContents found = read_journals(journals, {{"items", "ab"}});
  EXPECT_EQ(found.chunks, truth);
  ASSERT_EQ(found.damage.size(), 1u);
  EXPECT_TRUE(found.damage[0].starts_with(path.string() + ":9: the line is not as it was written"))
      << found.damage[0];
  EXPECT_EQ(journal_progress(journals).rows, 4);
  EXPECT_EQ(retire_chunks(journals, {7}), 2u);
  EXPECT_LT(fs::file_size(path), kHole);
}

TEST_F(Journals, of_a_missing_or_empty_folder_hold_nothing_and_a_file_in_its_place_is_an_error) {
  EXPECT_TRUE(read().empty());
  fs::create_directories(journals);
  put(journals / "notes.txt", "mine");
  EXPECT_TRUE(read().empty());
  remove_journals(journals);
  EXPECT_TRUE(fs::exists(journals / "notes.txt"));
  put(folder / "file", "");
  EXPECT_NE(message_of([&] { read_journals(folder / "file", kHeader); }).find("expected a folder"),
            std::string::npos);
}

TEST_F(Journals, cut_at_any_byte_never_give_a_wrong_row_nor_an_error) {
  Chunks truth;
  const std::string whole = small_journal(truth);
  const fs::path path = journals / "journal-cut.jsonl";
  std::size_t most = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    remove_journals(journals);
    fs::create_directories(journals);
    put(path, whole.substr(0, size));
    const auto contents = read_journals(journals, {{"items", "ab"}});
    EXPECT_TRUE(contents.damage.empty()) << contents.damage.front();
    for (const auto& [chunk, rows] : contents.chunks) EXPECT_EQ(rows, truth.at(chunk));
    EXPECT_GE(contents.chunks.size(), most);
    most = contents.chunks.size();
    EXPECT_TRUE(size + 1 != whole.size() || most == 1);
  }
  EXPECT_EQ(most, 2u);
}

TEST_F(Journals, with_any_bit_flipped_lose_the_chunk_and_nothing_else) {
  Chunks truth;
  const std::string whole = small_journal(truth);
  const std::size_t header_end = whole.find('\n');
  const std::size_t first_end = whole.find('\n', whole.find(R"("rows":2)")) + 1;
  remove_journals(journals);
  fs::create_directories(journals);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    put(journals / "journal-flipped.jsonl", flipped);
    const auto contents = read_journals(journals, {{"items", "ab"}});
    Chunks expected = truth;
    if (bit / 8 <= header_end) {
      expected.clear();
    } else {
      expected.erase(bit / 8 < first_end ? 7 : 3);
      // The newline between two chunks belongs to both.
      if (bit / 8 == first_end - 1) expected.clear();
    }
    ASSERT_EQ(contents.chunks, expected) << "bit " << bit % 8 << " of byte " << bit / 8;
    ASSERT_TRUE(!contents.damage.empty() || bit / 8 + 1 == whole.size()) << bit / 8;
  }
}

TEST_F(Journals, keep_every_acknowledged_chunk_through_a_kill) {
  SeedStream random(0, "kill");
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 20; ++round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      JournalWriter writer(journals, kHeader, kStart);
      for (std::uint64_t chunk = acknowledged;; ++chunk) {
        (void)writer.append(chunk, rows_of_chunk(chunk, 3));
        if (::write(pipe[1], &chunk, sizeof chunk) < 0) ::_exit(1);
      }
    }
    ::close(pipe[1]);
    std::uint64_t chunk = 0;
    for (std::uint64_t wanted = 1 + random.below(4); wanted > 0; --wanted) {
      ASSERT_EQ(::read(pipe[0], &chunk, sizeof chunk), static_cast<ssize_t>(sizeof chunk));
      acknowledged = chunk + 1;
    }
    ::usleep(static_cast<useconds_t>(random.below(500)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(pipe[0], &chunk, sizeof chunk) > 0) acknowledged = chunk + 1;
    ::close(pipe[0]);
    const auto contents = read_journals(journals, kHeader);
    EXPECT_TRUE(contents.damage.empty());
    for (std::uint64_t i = 0; i < acknowledged; ++i) {
      ASSERT_TRUE(contents.chunks.contains(i)) << i;
      ASSERT_EQ(contents.chunks.at(i), rows_of_chunk(i, 3));
    }
  }
}

TEST_F(Journals, of_another_run_are_refused_key_by_key) {
  { (void)JournalWriter(journals, kHeader, kStart).append(0, rows_of_chunk(0, 1)); }
  const Json reordered = {{"options", {{"dtype", "bfloat16"}, {"chunk_size", 64}}},
                          {"items", "ab12"}};
  EXPECT_EQ(read_journals(journals, reordered).chunks.size(), 1u);
  const Json other = {{"options", {{"dtype", "float32"}, {"chunk_size", 64}}}, {"model", "cd"}};
  const std::string what = message_of([&] { read_journals(journals, other); });
  EXPECT_TRUE(what.starts_with(journals.string() + "/journal-")) << what;
  EXPECT_NE(what.find("is of another run, which cannot be continued:\n"
                      "  items: \"ab12\" before, absent now\n"
                      "  options.dtype: \"bfloat16\" before, \"float32\" now\n"
                      "  model: absent before, \"cd\" now"),
            std::string::npos)
      << what;
}

TEST_F(Journals, with_a_header_of_other_types_are_refused_by_file) {
  for (const Json& header :
       {Json{{"journal", "x"}, {"header", kHeader}},
        Json{{"journal", kJournalVersion}, {"header", kHeader}, {"start", 5}, {"ranks", 1}}}) {
    fs::create_directories(journals);
    put(journals / "journal-1.jsonl", seal(header));
    const std::string what = message_of([&] { read_journals(journals, kHeader); });
    EXPECT_TRUE(what.starts_with((journals / "journal-1.jsonl").string() + ":1: key")) << what;
  }
}

TEST_F(Journals, may_hold_a_chunk_twice_if_it_is_the_same) {
  { (void)JournalWriter(journals, kHeader, kStart).append(5, rows_of_chunk(5, 3)); }
  { (void)JournalWriter(journals, kHeader, kStart).append(5, rows_of_chunk(5, 3)); }
  EXPECT_EQ(read(), (Chunks{{5, rows_of_chunk(5, 3)}}));
  auto rows = rows_of_chunk(5, 3);
  rows[1]["text"] = "other";
  { (void)JournalWriter(journals, kHeader, kStart).append(5, rows); }
  const std::string what = message_of([&] { read(); });
  EXPECT_NE(what.find("chunk 5 was computed twice with different results; row 1 of "),
            std::string::npos)
      << what;
  EXPECT_NE(what.find("\n  text: "), std::string::npos) << what;
}

TEST_F(Journals, tell_what_each_start_cost_and_whether_a_kill_ended_it) {
  const Start first = new_start(2), second = new_start(3);
  ASSERT_NE(first.id, second.id);
  for (const std::uint64_t rank : {0, 1}) {
    (void)JournalWriter(journals, kHeader, first).append(rank, rows_of_chunk(rank, 1));
  }
  auto contents = read_journals(journals, kHeader);
  ASSERT_EQ(contents.starts.size(), 1u);  // two journals of one start
  EXPECT_TRUE(contents.starts[0].ended);
  EXPECT_EQ(contents.starts[0].start.ranks, 2);
  EXPECT_GT(contents.starts[0].seconds, 0);

  JournalWriter killed(journals, kHeader, second);
  (void)killed.append(2, rows_of_chunk(2, 1));
  put(journals / "journal-no-header.jsonl", seal({{"journal", kJournalVersion}}));
  contents = read_journals(journals, kHeader);
  ASSERT_EQ(contents.starts.size(), 2u);
  for (const StartCost& cost : contents.starts) {
    EXPECT_EQ(cost.ended, cost.start.id == first.id);
    EXPECT_GT(cost.seconds, 0);
  }
  EXPECT_EQ(contents.unknown_starts, 1u);
  ASSERT_EQ(contents.damage.size(), 1u);
  EXPECT_EQ(contents.redone_rows, 0u);
}

TEST_F(Journals, take_a_line_whose_sum_fits_and_whose_keys_do_not_as_damage) {
  for (const Json& line : {Json{{"chunk", "7"}, {"rows", 1}}, Json{{"chunk", -1}, {"row", 0}},
                           Json{{"chunk", 7}, {"row", 1.5}}, Json{{"chunk", 7}, {"row", 0}},
                           Json{{"x", 1}}, Json{{"chunk", 7}, {"rows", 1}, {"seconds", "1"}}}) {
    remove_journals(journals);
    fs::create_directories(journals);
    const std::string head =
        seal({{"journal", kJournalVersion}, {"header", kHeader}, {"start", "a"}, {"ranks", 1}});
    const std::string good =
        seal({{"chunk", 8}, {"row", 0}, {"data", {{"t", 1}}}}) + seal({{"chunk", 8}, {"rows", 1}});
    put(journals / "journal-1.jsonl", head + seal(line) + good);
    const auto contents = read_journals(journals, kHeader);
    EXPECT_EQ(contents.chunks.size(), 1u) << line;
    ASSERT_EQ(contents.damage.size(), 1u) << line;
    EXPECT_NE(contents.damage[0].find("journal-1.jsonl:2: "), std::string::npos);
  }
}

TEST_F(Journals, refuse_what_json_cannot_hold) {
  JournalWriter writer(journals, kHeader, kStart);
  const Json bad = {{"logprobs", {-1.0, -std::numeric_limits<double>::infinity()}}};
  const std::string what = message_of([&] {
    (void)writer.append(2, std::array{Json::object(), bad});
  });
  EXPECT_NE(what.find(": chunk 2, row 1/logprobs/1: found -inf, expected a finite number"),
            std::string::npos)
      << what;
  EXPECT_NE(message_of([&] { (void)writer.append(2, {}); }).find("chunk 2 has no rows"),
            std::string::npos);
  EXPECT_TRUE(read().empty());
}

TEST_F(Journals, return_text_as_it_will_be_read) {
  JournalWriter writer(journals, kHeader, kStart);
  const auto rows =
      rows_in(writer.append(0, std::array{Json{{"text", "half \xF0\x9F, NUL \0 and \"data\":"s}}}));
  EXPECT_EQ(rows.at(0)["text"], "half \uFFFD, NUL \0 and \"data\":"s);
  EXPECT_EQ(read().at(0), rows);
}

TEST_F(Journals, say_so_when_the_disk_is_full_and_keep_what_was_written_before) {
  JournalWriter writer(journals, kHeader, kStart);
  (void)writer.append(0, rows_of_chunk(0, 2));
  {
    const FileSizeLimit limit(fs::file_size(writer.path()) + 100);
    const std::string what = message_of([&] { (void)writer.append(1, rows_of_chunk(1, 2)); });
    EXPECT_EQ(what, "write " + writer.path().string() + ": File too large");
  }
  EXPECT_NE(
      message_of([&] { (void)writer.append(2, rows_of_chunk(2, 2)); }).find("takes nothing more"),
      std::string::npos);
  EXPECT_EQ(read(), (Chunks{{0, rows_of_chunk(0, 2)}}));
  {
    const FileSizeLimit limit(10);
    EXPECT_NE(
        message_of([&] { JournalWriter(folder / "full", kHeader, kStart); }).find("File too large"),
        std::string::npos);
  }
  EXPECT_TRUE(fs::is_empty(folder / "full"));
}

TEST_F(Journals, are_removed_with_their_output_where_it_begins_anew) {
  const fs::path output = folder / "out.jsonl";
  ASSERT_EQ(journal_folder(output), journals);
  { (void)JournalWriter(journals, kHeader, kStart).append(4, rows_of_chunk(4, 1)); }
  put(output, "old");
  EXPECT_EQ(read().size(), 1u);
  begin_output(output);
  EXPECT_FALSE(fs::exists(output));
  EXPECT_FALSE(fs::exists(journals));
}

TEST(Differences, name_each_key_by_its_path_and_shorten_long_values) {
  EXPECT_TRUE(differences({{"a", 1}, {"b", {{"c", 2}}}}, {{"b", {{"c", 2}}}, {"a", 1}}).empty());
  const Json before = {{"a", {{"b", {1, 2}}, {"c", 1.5}}}, {"long", std::string(500, 'x')}};
  const Json now = {{"a", {{"b", {1, 3}}, {"c", 1.5}}}, {"long", "y"}};
  const auto lines = differences(before, now);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "a.b: [1,2] before, [1,3] now");
  EXPECT_EQ(lines[1], "long: \"" + std::string(79, 'x') + "... (502 bytes) before, \"y\" now");
}

}  // namespace
}  // namespace tradeoff::store
