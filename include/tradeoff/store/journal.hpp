#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"

/// Finished chunks of a prediction, on disk as soon as they are done, so that a killed run loses at
/// most the chunks in work. A journal is a JSONL file of one process; each line opens with the
/// CRC-32C of its rest:
///   {"crc32c":"1f2e3d4c","journal":1,"header":{...}}            first: which run this is
///   {"crc32c":"...","chunk":12,"row":0,"data":{...}}            row 0, 1, ... of a chunk
///   {"crc32c":"...","chunk":12,"rows":64}                       its end record: the chunk is done
namespace tradeoff::store {

/// The journal of this process; its file has a name that no other process has, of whatever run or
/// rank.
class JournalWriter {
 public:
  /// Creates `folder` and the file. `header` says whatever decides what a chunk holds and what its
  /// rows are: hashes of items and model, adapter, options, chunk size. Throws Error naming the
  /// path.
  JournalWriter(const std::filesystem::path& folder, const Json& header);
  /// Removes the file when no chunk was written.
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  /// Writes the rows of a finished chunk and its end record, and returns when they are on disk.
  /// Returns the rows as a reader will get them (bytes that are not UTF-8 have become U+FFFD): go
  /// on with these, so that a resumed run has the same. Throws Error on a chunk without rows, on a
  /// number that is not finite (JSON has none), naming row and key, and on a failed write (disk
  /// full), after which the journal takes nothing more.
  [[nodiscard]] std::vector<Json> append(std::uint64_t chunk, std::span<const Json> rows);

  const std::filesystem::path& path() const { return path_; }

 private:
  void put(const std::string& lines);

  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t chunks_ = 0;
  bool broken_ = false;
};

struct JournalContents {
  /// The rows of every finished chunk.
  std::map<std::uint64_t, std::vector<Json>> chunks;
  std::size_t files = 0;
  /// "FILE:LINE: ..." for each damaged line (worth a warning; its chunk is missing above). What any
  /// kill leaves, a torn last line or a chunk without end record, is passed over without a word.
  std::vector<std::string> damage;
};

/// All journals of `folder`, whoever wrote them; nothing when the folder is not there. A chunk
/// found twice must be equal, else Error naming both places. Throws Error when a journal's header
/// differs from `header`, naming the file and each key that differs.
JournalContents read_journals(const std::filesystem::path& folder, const Json& header);
/// Removes the journals of `folder`, and the folder when nothing else is in it.
void remove_journals(const std::filesystem::path& folder);

enum class Resume { no, yes };
/// `F.journal` beside the output `F`.
std::filesystem::path journal_folder(const std::filesystem::path& output);
/// How `predict --out F [--resume]` begins. no: `F` and its journals are removed. yes: what the
/// journals hold, which may be nothing; Error when they are of other items, another model or other
/// options. One process calls it, before any rank makes its JournalWriter.
JournalContents begin_output(const std::filesystem::path& output, const Json& header,
                             Resume resume);

}  // namespace tradeoff::store
