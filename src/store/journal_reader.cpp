#include <fmt/format.h>

#include <algorithm>

#include "journal_format.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/store/difference.hpp"
#include "tradeoff/store/journal.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

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
  /// `header`: null takes any run's.
  explicit Reader(const Json* header) : header_(header) {}

  void read(const fs::path& path) {
    ++contents_.files;
    place_ = {path, 0};
    drop_chunk();
    cost_.reset();
    for (const auto& [record, number] : read_sealed(path)) {
      place_.line = number;
      if (number == 1) {
        if (!record || !record->contains("journal") || !record->contains("header")) {
          ++contents_.unknown_starts;
          return damaged("no header, journal ignored");
        }
        take_header(*record);
      } else if (!record) {
        damaged("the line is not as it was written, its chunk is computed again");
      } else if (ends_chunk(*record)) {
        finish(chunk_);
        drop_chunk();
      }
    }
    end_cost();
  }

  JournalContents contents() {
    for (auto& [id, cost] : costs_) contents_.starts.push_back(std::move(cost));
    return std::move(contents_);
  }

 private:
  void damaged(std::string_view what) {
    // A file of nothing else has as many as lines.
    constexpr std::size_t kTold = 1000;
    if (contents_.damage.size() < kTold)
      contents_.damage.push_back(fmt::format("{}: {}", place_.text(), what));
    else if (contents_.damage.size() == kTold)
      contents_.damage.push_back(place_.text() + ": from here on damaged lines are not told");
    drop_chunk();
  }

  // Errors name the file; some of them do by themselves.
  void take_header(const Json& record) {
    try {
      if (header_) check_same_run(record, *header_, place_);
      begin_cost(record);
    } catch (const Error& error) {
      const std::string what = error.what();
      fail(what.starts_with(place_.path.string()) ? what : place_.text() + ": " + what);
    }
  }

  void drop_chunk() { rows_.clear(); }

  void begin_cost(const Json& header) {
    if (!header.contains("start")) {
      ++contents_.unknown_starts;
      return;
    }
    cost_ = StartCost{{field<std::string>(header, "start"), field<int>(header, "ranks")}, 0, false};
  }

  // The ranks of a start work at the same time: it took as long as the longest of them.
  void end_cost() {
    if (!cost_) return;
    const auto [found, is_new] = costs_.try_emplace(cost_->start.id, *cost_);
    if (is_new) return;
    found->second.seconds = std::max(found->second.seconds, cost_->seconds);
    found->second.ended = found->second.ended && cost_->ended;
  }

  void take_time(const Json& record) {
    if (!cost_ || !record.contains("seconds")) return;
    cost_->seconds = std::max(cost_->seconds, field<double>(record, "seconds"));
    cost_->ended = record.contains("ended");
  }

  // Whether the rows taken are a whole chunk. A sum may fit a line that says something else: such a
  // line is damage like any other.
  bool ends_chunk(const Json& record) {
    try {
      take_time(record);
      if (record.contains("retired"))
        contents_.redone_rows += field<std::size_t>(record, "retired");
      else if (!record.contains("ended"))
        return take(record);
      return false;
    } catch (const Error& error) {
      damaged(error.what());
      return false;
    }
  }

  // A row counts only in an unbroken sequence from row 0 to the end record.
  bool take(const Json& record) {
    const auto chunk = field<std::uint64_t>(record, "chunk");
    if (record.contains("row")) {
      const auto row = field<std::size_t>(record, "row");
      if (row == 0) drop_chunk();
      if (row == 0) chunk_ = chunk;
      if (chunk == chunk_ && row == rows_.size()) rows_.push_back(field<Json>(record, "data"));
      return false;
    }
    const auto count = field<std::size_t>(record, "rows");
    if (chunk == chunk_ && count == rows_.size() && count > 0) return true;
    drop_chunk();
    return false;
  }

  void finish(std::uint64_t chunk) {
    const auto [found, is_new] = contents_.chunks.try_emplace(chunk, std::move(rows_));
    if (is_new) {
      places_[chunk] = place_;
      return;
    }
    if (found->second != rows_) fail_at_difference(chunk, found->second);
    contents_.redone_rows += rows_.size();
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

  const Json* header_;
  JournalContents contents_;
  std::map<std::uint64_t, Place> places_;   // where each chunk's end record stands
  std::map<std::string, StartCost> costs_;  // by start
  std::optional<StartCost> cost_;           // of the journal at hand, where it tells one
  Place place_;
  std::uint64_t chunk_ = 0;
  std::vector<Json> rows_;
};

}  // namespace

std::vector<fs::path> files_of(const fs::path& folder, std::string_view prefix) {
  std::vector<fs::path> paths;
  if (!fs::exists(folder)) return paths;
  check(fs::is_directory(folder),
        folder.string() + ": found a file, expected a folder of journals");
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(kJournalSuffix)) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<fs::path> journals_of(const fs::path& folder) {
  return files_of(folder, kJournalPrefix);
}

JournalContents read_journals(const fs::path& folder, const Json& header) {
  Reader reader(&header);
  for (const auto& path : journals_of(folder)) reader.read(path);
  return reader.contents();
}

std::size_t count_finished_rows(const fs::path& folder) {
  Reader reader(nullptr);
  for (const auto& path : journals_of(folder)) reader.read(path);
  std::size_t rows = 0;
  for (const auto& [chunk, chunk_rows] : reader.contents().chunks) rows += chunk_rows.size();
  return rows;
}

void remove_journals(const fs::path& folder) {
  for (const auto& path : journals_of(folder)) fs::remove(path);
  if (fs::is_directory(folder) && fs::is_empty(folder)) fs::remove(folder);
}

fs::path journal_folder(const fs::path& output) {
  return output.string() + ".journal";
}

void begin_output(const fs::path& output) {
  remove_journals(journal_folder(output));
  fs::remove(output);
}

}  // namespace tradeoff::store
