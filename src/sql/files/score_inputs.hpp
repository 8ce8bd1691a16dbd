#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tradeoff::sql {

/// One question to be scored.
struct ScoreItem {
  // As written to the rows: the line number from 0, or the id of a JSONL gold.
  std::string id;
  bool id_is_number = true;
  std::string db_id, gold, prediction;
  // Sessions (SParC, CoSQL) and the turn in one, from 0; one session elsewhere.
  int session = 0, turn = 0;
  // False where a prediction file of JSONL has no row for the question.
  bool answered = true;
};

/// Turns the raw text of an answer into SQL.
using Extract = std::function<std::string(std::string_view)>;

/// Reads both files and puts them side by side.
/// gold         `SQL<tab>db_id` a line, or records (record_file.hpp) with "db_id", the query
///              ("query", "SQL", "sql") and optionally "id" or "question_id"; empty: the documents
///              of the samples hold the golds.
/// predictions  one SQL a line (up to a tab), or records, one for every gold: "id" or
///              "question_id" with "sql", "predicted_sql", "prediction", "SQL" or "text"; BIRD's
///              object; the samples of lm-evaluation-harness ("doc_id", "filtered_resps").
///              `extract` is applied to "text" and responses, never to SQL.
/// filter       of samples: the filter whose responses count; empty: the only one.
/// A line blank in both plain files ends a session; one blank in the predictions alone is an empty
/// answer. Throws Error naming file and line, or both lengths where they differ.
std::vector<ScoreItem> read_score_items(const std::filesystem::path& gold,
                                        const std::filesystem::path& predictions,
                                        const Extract& extract, const std::string& filter = {});

}  // namespace tradeoff::sql
