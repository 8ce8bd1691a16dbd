#pragma once
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/base/json.hpp"
#include "tradeoff/sql/judge/score.hpp"

namespace tradeoff::sql {

/// What `tradeoff score` takes; the names of the official evaluation.py.
struct ScoreFilesOptions {
  // Gold queries: `SQL<tab>db_id` a line, or a benchmark's dev.json, JSONL or CSV with "db_id"
  // and "query" or "SQL". Empty: the documents of lm-evaluation-harness samples hold them.
  std::filesystem::path gold;
  // Predictions: one SQL a line; JSONL, a JSON list or CSV of an id and SQL (or "text", a raw
  // answer); BIRD's object; lm-evaluation-harness samples.
  std::filesystem::path pred;
  // Of samples of several filters, the one whose responses are judged.
  std::string filter;
  // Folder of <db_id>/<db_id>.sqlite and its variants.
  std::filesystem::path db;
  // tables.json; needed for match, and for suggestions about columns.
  std::filesystem::path table;
  // exec, match or all.
  std::string etype = "exec";
  bool plug_value = false;
  bool keep_distinct = false;
  // Rows of JSONL are written here; none when empty.
  std::filesystem::path out;
  // Wall-clock seconds and virtual-machine steps of one statement.
  double sql_timeout = 5;
  std::uint64_t sql_max_steps = ExecuteOptions().max_steps;
  // Bytes of one value that a statement may read or build.
  std::uint64_t sql_max_value = ExecuteOptions().max_value_bytes;
  // Threads, each with a worker process; 0: one a core. No verdict depends on it.
  int threads = 1;
  // After the official tables: accuracy by every semantics, what the golds themselves do, floors,
  // classes of the wrong answers, and where the semantics disagree.
  bool details = false;
  // Tell results apart (Verdict::result_hash).
  bool result_hash = false;
  // Turns an answer's raw text ("text", responses) into SQL; empty: as it is.
  std::function<std::string(std::string_view)> extract;
};

/// One question with its verdict.
struct ScoredRow {
  std::string id;
  bool id_is_number = true;
  std::string db_id, gold, prediction;
  int session = 0, turn = 0;
  Verdict verdict;
};

/// Scores whole files and prints to `out` what evaluation.py prints, byte for byte: the pairs that
/// do not match, then its tables. More follows only where a gold failed, a table was left out, the
/// official rules misread a prediction, or with `details`. Throws
/// Error for bad files, a missing database or a missing entry of tables.json, all found before
/// anything is executed.
std::vector<ScoredRow> score_files(const ScoreFilesOptions& options, std::ostream& out);

/// The same for rows that were read elsewhere: judges them in place and prints; writes no file.
void score_and_print(const ScoreFilesOptions& options, std::vector<ScoredRow>& rows,
                     std::ostream& out);

/// Throws Error where there are rows and the gold query of each fails on the databases in `db`:
/// nothing was scored.
void check_scored(const std::vector<ScoredRow>& rows, const std::filesystem::path& db);

/// Judges `rows` (all but their verdicts given) in place, by database, on `threads` threads.
void score_rows(Scorer& scorer, std::vector<ScoredRow>& rows, int threads);

/// The row as `--out` writes it: id, db_id, hardness, exec, exec_keep_distinct, match, set, strict,
/// soft_f1, outcome, error_class, message; what was not computed is null.
Json to_json(const ScoredRow& row);

}  // namespace tradeoff::sql
