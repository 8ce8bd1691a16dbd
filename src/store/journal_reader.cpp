#include <fmt/format.h>

#include <algorithm>

#include "journal_line.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/store/difference.hpp"
#include "tradeoff/store/journal.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

// In the order of their names, so that messages do not depend on the file system.
std::vector<fs::path> journals_of(const fs::path& folder) {
  std::vector<fs::path> paths;
  if (!fs::exists(folder)) return paths;
  check(fs::is_directory(folder),
        folder.string() + ": found a file, expected a folder of journals");
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kJournalPrefix) && name.ends_with(kJournalSuffix)) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

struct Place {
  fs::path path;
  std::size_t line = 0;
  std::string text() const { return fmt::format("{}:{}", path.string(), line); }
};

void check_same_run(const Json& record, const Json& header, const Place& place) {
  const int version = field<int>(record, "journal");
  check(version == kJournalVersion, fmt::format("{}: found journal version {}, expected {}",
                                                place.text(), version, kJournalVersion));
  const auto lines = differences(record.at("header"), header);
  if (lines.empty()) return;
  fail(fmt::format("{}: this journal is of another run, which cannot be continued:\n  {}",
                   place.path.string(), fmt::join(lines, "\n  ")));
}

// Collects the finished chunks of all files.
class Reader {
 public:
  explicit Reader(const Json& header) : header_(header) {}

  void read(const fs::path& path) {
    ++contents_.files;
    place_ = {path, 0};
    drop_chunk();
    const MappedFile file(path);
    std::string_view rest = file.text();
    // A line without newline is torn, whatever it says.
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      ++place_.line;
      const auto record = unseal(rest.substr(0, end));
      rest.remove_prefix(end + 1);
      if (place_.line == 1) {
        if (!record || !record->contains("journal")) return damaged("no header, journal ignored");
        check_same_run(*record, header_, place_);
      } else if (!record) {
        damaged("the line is not as it was written, its chunk is computed again");
      } else {
        take(*record);
      }
    }
  }

  JournalContents contents() { return std::move(contents_); }

 private:
  void damaged(std::string_view what) {
    contents_.damage.push_back(fmt::format("{}: {}", place_.text(), what));
    drop_chunk();
  }

  void drop_chunk() { rows_.clear(); }

  // A row counts only in an unbroken sequence from row 0 to the end record.
  void take(const Json& record) {
    const auto chunk = field<std::uint64_t>(record, "chunk");
    if (record.contains("row")) {
      const auto row = field<std::size_t>(record, "row");
      if (row == 0) drop_chunk();
      if (row == 0) chunk_ = chunk;
      if (chunk == chunk_ && row == rows_.size()) rows_.push_back(record.at("data"));
    } else {
      const auto count = field<std::size_t>(record, "rows");
      if (chunk == chunk_ && count == rows_.size() && count > 0) finish(chunk);
      drop_chunk();
    }
  }

  void finish(std::uint64_t chunk) {
    const auto [found, is_new] = contents_.chunks.try_emplace(chunk, std::move(rows_));
    if (is_new) {
      places_[chunk] = place_;
    } else if (found->second != rows_) {
      fail_at_difference(chunk, found->second);
    }
  }

  [[noreturn]] void fail_at_difference(std::uint64_t chunk, const std::vector<Json>& other) {
    const auto [a, b] = std::mismatch(other.begin(), other.end(), rows_.begin(), rows_.end());
    const auto row = a - other.begin();
    const Json before = a == other.end() ? Json() : *a, now = b == rows_.end() ? Json() : *b;
    const auto lines = differences(before, now);
    fail(fmt::format(
        "chunk {} was computed twice with different results; row {} of {} (before) and {} "
        "(now):\n  {}",
        chunk, row, places_[chunk].text(), place_.text(), fmt::join(lines, "\n  ")));
  }

  const Json& header_;
  JournalContents contents_;
  std::map<std::uint64_t, Place> places_;  // where each chunk's end record stands
  Place place_;
  std::uint64_t chunk_ = 0;
  std::vector<Json> rows_;
};

}  // namespace

JournalContents read_journals(const fs::path& folder, const Json& header) {
  Reader reader(header);
  for (const auto& path : journals_of(folder)) reader.read(path);
  return reader.contents();
}

void remove_journals(const fs::path& folder) {
  for (const auto& path : journals_of(folder)) fs::remove(path);
  if (fs::is_directory(folder) && fs::is_empty(folder)) fs::remove(folder);
}

fs::path journal_folder(const fs::path& output) {
  return output.string() + ".journal";
}

JournalContents begin_output(const fs::path& output, const Json& header, Resume resume) {
  if (resume == Resume::yes) return read_journals(journal_folder(output), header);
  remove_journals(journal_folder(output));
  fs::remove(output);
  return {};
}

}  // namespace tradeoff::store
