#include "tradeoff/store/journal_progress.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "journal_format.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/lines.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/store/sealed_line.hpp"

namespace tradeoff::store {
namespace {

namespace fs = std::filesystem;

// End records are short; rows, with their texts, mostly are not.
constexpr std::size_t kLongestEndRecord = 256;

std::int64_t change_time(const fs::path& file) {
  struct stat info {};
  return ::stat(file.c_str(), &info) == 0 ? static_cast<std::int64_t>(info.st_mtime) : 0;
}

class Reader {
 public:
  void read(const fs::path& path) {
    const MappedFile file(path);
    start_ = path.string();
    Lines lines(file.text());
    while (const auto line = lines.next())
      if (lines.end() == Lines::End::newline) take(*line, lines.number() == 1);
    progress_.written_at = std::max(progress_.written_at, change_time(path));
  }

  JournalProgress result() {
    for (const auto& [start, seconds] : seconds_) progress_.seconds += seconds;
    return progress_;
  }

 private:
  void take(std::string_view line, bool first) {
    if (!first && line.size() > kLongestEndRecord) return;
    const auto record = unseal(line);
    if (!record) return;
    try {
      if (first) start_ = field_or<std::string>(*record, "start", start_);
      if (record->contains("rows")) take_end(*record);
    } catch (const Error&) {
      // A sum may fit a line that says something else; the reader of journals tells of it.
    }
  }

  void take_end(const Json& record) {
    const auto rows = field<std::int64_t>(record, "rows");
    if (chunks_.insert(field<std::uint64_t>(record, "chunk")).second) progress_.rows += rows;
    progress_.made += rows;
    // The ranks of a start work at the same time.
    double& seconds = seconds_[start_];
    seconds = std::max(seconds, field_or<double>(record, "seconds", 0.0));
  }

  JournalProgress progress_;
  std::string start_;
  std::set<std::uint64_t> chunks_;
  std::map<std::string, double> seconds_;
};

}  // namespace

JournalProgress journal_progress(const fs::path& folder) {
  Reader reader;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kJournalPrefix) || !name.ends_with(kJournalSuffix)) continue;
    try {
      reader.read(entry.path());
    } catch (const Error&) {
      // Removed between the two: a rank without work takes its journal away.
    }
  }
  return reader.result();
}

}  // namespace tradeoff::store
