#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/base/progress.hpp"
#include "tradeoff/store/sealed_line.hpp"

/// Finished chunks of a prediction, on disk as soon as they are done, so that a killed run loses at
/// most the chunks in work. A journal is a JSONL file of one process; each line opens with the
/// CRC-32C of its rest:
///   {"crc32c":"1f2e3d4c","journal":2,"header":{...},"start":"9a…","ranks":2}  first: which run
///   {"crc32c":"...","chunk":12,"row":0,"data":{...}}     row 0, 1, ... of a chunk
///   {"crc32c":"...","chunk":12,"rows":64,"seconds":3.5}  its end record: the chunk is done
///   {"crc32c":"...","retired":64,"seconds":3.5}          a chunk whose rows are asked no longer
///   {"crc32c":"...","ended":true,"seconds":9.1}          last, where nothing killed it
/// include/README.md has an example in Python.
namespace tradeoff::store {

/// One start of the ranks that work on a prediction together; all its journals name it, so that
/// what it cost can be told from them.
struct Start {
  std::string id;  // of no other start
  int ranks = 1;
};
/// A start of `ranks` ranks with a new id; one rank makes it and tells the others.
Start new_start(int ranks);

/// The journal of this process; its file has a name that no other process has, of whatever run or
/// rank.
class JournalWriter {
 public:
  /// Creates `folder` and the file. `header` says whatever decides what a chunk holds and what its
  /// rows are: hashes of items and model, adapter, options, chunk size. Throws Error naming the
  /// path.
  JournalWriter(const std::filesystem::path& folder, const Json& header, const Start& start);
  /// Removes the file when no chunk was written; else its last line says that nothing was cut.
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  /// Writes the rows of a finished chunk and its end record, and returns when they are on disk.
  /// Returns the rows as they stand there, a JSON list in one line, which a reader will get too
  /// (bytes that are not UTF-8 have become U+FFFD): go on with it, so that a resumed run has the
  /// same. Throws Error on a chunk without rows, on a
  /// number that is not finite (JSON has none), naming row and key, and on a failed write (disk
  /// full), after which the journal takes nothing more.
  [[nodiscard]] std::string append(std::uint64_t chunk, std::span<const Json> rows);

  const std::filesystem::path& path() const { return file_.path(); }

 private:
  AppendFile file_;
  Stopwatch clock_;
  std::uint64_t chunks_ = 0;
};

/// What one start cost, as far as its journals tell.
struct StartCost {
  Start start;
  // From its beginning to the last line that any of its ranks wrote.
  double seconds = 0;
  // False where a rank was killed: what it did after its last finished chunk is not known.
  bool ended = true;
};

/// What reading journals tells besides their rows.
struct JournalsTold {
  std::size_t files = 0;
  /// In the order of their ids.
  std::vector<StartCost> starts;
  /// Journals that do not tell their start: their time is not known.
  std::size_t unknown_starts = 0;
  /// Rows of chunks that were computed again though a journal had them, and of retired ones.
  std::size_t redone_rows = 0;
  /// "FILE:LINE: ..." for each damaged line (worth a warning; its chunk is missing above). What any
  /// kill leaves, a torn last line or a chunk without end record, is passed over without a word.
  std::vector<std::string> damage;
};

struct JournalContents : JournalsTold {
  /// The rows of every finished chunk.
  std::map<std::uint64_t, std::vector<Json>> chunks;
};

/// All journals of `folder`, whoever wrote them; nothing when the folder is not there. A chunk
/// found twice must be equal, else Error naming both places. Throws Error when a journal's header
/// differs from `header`, naming the file and each key that differs.
JournalContents read_journals(const std::filesystem::path& folder, const Json& header);
/// Rows of the finished chunks, each chunk once, of whatever run the journals are.
std::size_t count_finished_rows(const std::filesystem::path& folder);
/// Takes every finished chunk but those of `kept` out of the journals of `folder`, where a study
/// has grown: what they took stays told. Returns how many rows went. A journal without such a chunk
/// keeps its bytes. One process calls it, while none writes.
std::size_t retire_chunks(const std::filesystem::path& folder, const std::set<std::uint64_t>& kept);
/// Removes the journals of `folder`, and the folder when nothing else is in it.
void remove_journals(const std::filesystem::path& folder);

/// `F.journal` beside the output `F`.
std::filesystem::path journal_folder(const std::filesystem::path& output);
/// How `predict --out F` without --resume begins: `F` and its journals are removed. One process
/// calls it, before any rank makes its JournalWriter.
void begin_output(const std::filesystem::path& output);

}  // namespace tradeoff::store
