#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "tradeoff/sql/files/score_files.hpp"

namespace tradeoff::front {

/// True for a file that `score` takes as a study's results rather than as lines of answers.
bool is_stored(const std::filesystem::path& predictions);

/// Judges the answers in SQL of a predictions.h5 (options.pred) again, without a model: for each
/// arm and seed the tables of score_files and how many verdicts differ from the stored ones. Rows
/// written to options.out end with "arm" and "seed".
/// arms  those to score; all where empty. Throws Error naming the file and what it lacks.
void score_stored(const sql::ScoreFilesOptions& options, const std::vector<std::string>& arms,
                  std::ostream& out);

}  // namespace tradeoff::front
