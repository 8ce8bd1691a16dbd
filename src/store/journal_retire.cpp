#include "journal_format.hpp"
#include "tradeoff/base/atomic_file.hpp"
#include "tradeoff/base/error.hpp"
#include "tradeoff/base/lines.hpp"
#include "tradeoff/base/mapped_file.hpp"
#include "tradeoff/store/journal.hpp"

namespace tradeoff::store {
namespace {

// End records are short; rows, with their texts, mostly are not.
constexpr std::size_t kLongestEndRecord = 256;

// Whether a journal ends a chunk that is not kept: most have none, and are not read whole.
bool holds_others(const std::filesystem::path& path, const std::set<std::uint64_t>& kept) {
  const MappedFile file(path);
  Lines lines(file.text());
  while (const auto line = lines.next()) {
    if (lines.end() != Lines::End::newline || line->size() > kLongestEndRecord) continue;
    const auto record = unseal(*line);
    if (record && record->contains("rows") &&
        !kept.contains(field_or<std::uint64_t>(*record, "chunk", 0)))
      return true;
  }
  return false;
}

// One journal without the chunks that are not kept. A line that is damaged goes with them: its
// chunk is computed again.
class Retiring {
 public:
  explicit Retiring(const std::set<std::uint64_t>& kept) : kept_(kept) {}

  void take(const Json& record) {
    if (record.contains("row")) {
      rows_ += seal(record);
    } else if (record.contains("rows")) {
      end_chunk(record);
    } else {
      text_ += seal(record);
    }
  }
  std::size_t retired() const { return retired_; }
  const std::string& text() const { return text_; }

 private:
  void end_chunk(const Json& record) {
    if (kept_.contains(field<std::uint64_t>(record, "chunk"))) {
      text_ += rows_ + seal(record);
    } else {
      const auto count = field<std::size_t>(record, "rows");
      Json left = {{"retired", count}};
      if (record.contains("seconds")) left["seconds"] = record["seconds"];
      text_ += seal(left);
      retired_ += count;
    }
    rows_.clear();
  }

  const std::set<std::uint64_t>& kept_;
  std::string text_, rows_;
  std::size_t retired_ = 0;
};

}  // namespace

std::size_t retire_chunks(const std::filesystem::path& folder,
                          const std::set<std::uint64_t>& kept) {
  std::size_t retired = 0;
  for (const auto& path : journals_of(folder)) {
    Retiring journal(kept);
    try {
      if (!holds_others(path, kept)) continue;
      for (const auto& [record, number] : read_sealed(path))
        if (record) journal.take(*record);
    } catch (const Error&) {
      // A sum may fit a line that says something else; the reader of journals tells of it.
      continue;
    }
    if (journal.retired() == 0) continue;
    write_atomically(path, journal.text());
    retired += journal.retired();
  }
  return retired;
}

}  // namespace tradeoff::store
