#pragma once
#include <iosfwd>
#include <vector>

#include "tradeoff/sql/score_files.hpp"

namespace tradeoff::sql {

/// Which golds failed and are not counted; nothing where none did.
void print_failed_golds(const std::vector<ScoredRow>& rows, std::ostream& out);
/// Other semantics, floors and ceiling, classes of the wrong answers, and the matrix of
/// disagreements with row ids.
void print_details(Scorer& scorer, const std::vector<ScoredRow>& rows, std::ostream& out);

}  // namespace tradeoff::sql
