#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/sql/match/exact_match.hpp"
#include "tradeoff/sql/sandbox/execute.hpp"
#include "tradeoff/sql/schema/schema.hpp"

namespace tradeoff::sql {

struct ScoreOptions {
  ExecuteOptions execute;
  // The official --keep_distinct: `exec` keeps DISTINCT; it removes it from both sides otherwise.
  bool keep_distinct = false;
  // The official --plug_value: `exec` and `exec_keep_distinct` also try the gold's values in the
  // prediction's places.
  bool plug_value = false;
  // Compute what needs execution: exec, exec_keep_distinct, set, strict, soft_f1.
  bool execution = true;
  // Compute `match`, where tables.json is given (for the foreign keys).
  bool match = true;
  // Show the rows of predictions that ran (Verdict::preview).
  bool preview = false;
  // Tell the results of predictions that ran apart (Verdict::result_hash).
  bool result_hash = false;
};

/// The judgement of one prediction. What was not computed is empty: nothing that rests on execution
/// when the gold query fails (outcome gold_error), no match without tables.json.
struct Verdict {
  // Official test-suite execution accuracy over every *.sqlite of the database's folder.
  std::optional<bool> exec;
  // The same with DISTINCT kept.
  std::optional<bool> exec_keep_distinct;
  // Official exact set match, and its parts.
  std::optional<bool> match;
  std::optional<MatchScore> match_parts;
  // On the question's own database alone: equal sets of rows; equal bags (lists where the outermost
  // gold query orders), columns by position; order-free soft F1.
  std::optional<bool> set, strict;
  std::optional<double> soft_f1;
  // The prediction ran and returned at least one row.
  std::optional<bool> non_empty;
  Outcome outcome = Outcome::ok;
  // Of a wrong prediction (by exec); empty when right or not judged.
  std::string error_class;
  // SQLite's text and what a person would suggest; for gold_error, why the gold failed.
  std::string message;
  // Of a prediction that ran: result_preview of its rows on the question's own database.
  std::string preview;
  // The same result's result_hash.
  std::string result_hash;
  // "easy", "medium", "hard" or "extra" of the gold; empty when it does not parse.
  std::string hardness;
  // False where a statement, the gold or the prediction, ran out of time or crashed: a busy machine
  // may be why, and another try may end otherwise.
  bool lasting = true;
};

/// Scores predictions against gold queries. score() may be called from several threads at once:
/// each call uses a worker process of its own, and gold results are cached for all of them.
class Scorer {
 public:
  /// db_dir     holds <db_id>/<db_id>.sqlite and, beside it, further *.sqlite variants.
  /// tables_json  may be empty when neither match nor column suggestions are wanted.
  /// Throws Error when either is missing or malformed.
  Scorer(std::filesystem::path db_dir, const std::filesystem::path& tables_json,
         ScoreOptions options = {});
  ~Scorer();
  Scorer(Scorer&&) noexcept;
  Scorer& operator=(Scorer&&) noexcept;

  /// Finds out whether queries on this database can be judged: its files are opened, its tables
  /// read. Throws Error naming what is missing, among it the entry in tables.json, or unreadable.
  void require(std::string_view db_id);
  /// Tables that only a module could read (fts5, rtree, ...): no query may use them. Names as
  /// written.
  std::vector<std::string> left_out_tables(std::string_view db_id);
  /// Why the gold query fails, on the question's own database or a variant; empty when it runs.
  std::string gold_failure(std::string_view db_id, std::string_view gold);
  /// Any bytes are accepted as gold and prediction. Throws Error when the database or
  /// its entry in tables.json is missing, or when the database cannot be read.
  Verdict score(std::string_view db_id, std::string_view gold, std::string_view prediction);
  /// What to run and show side by side: one statement on the question's own database.
  Result run(std::string_view db_id, std::string_view sql);
  /// <db_dir>/<db_id>/<db_id>.sqlite first, then the other *.sqlite by name. Throws Error when
  /// missing.
  std::vector<std::filesystem::path> databases(std::string_view db_id) const;
  /// Tables and columns of the question's own database, with the foreign keys of tables.json.
  const MatchSchema& match_schema(std::string_view db_id);
  const Schemas& schemas() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Scorer::require of each, and one Error of all that is missing or unreadable.
void require_all(Scorer& scorer, const std::set<std::string>& db_ids);

}  // namespace tradeoff::sql
