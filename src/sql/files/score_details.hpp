#pragma once
#include <iosfwd>
#include <set>
#include <string>
#include <vector>

#include "tradeoff/sql/files/score_files.hpp"

namespace tradeoff::sql {

/// Which golds failed and are not counted; nothing where none did.
void print_failed_golds(const std::vector<ScoredRow>& rows, std::ostream& out);
/// The virtual tables of the databases; nothing where there are none.
void print_left_out(Scorer& scorer, const std::set<std::string>& db_ids, std::ostream& out);
/// Rows that the official rules misread (`value` as a name); nothing where there are none.
void print_official_defects(const std::vector<ScoredRow>& rows, std::ostream& out);
/// Other semantics, floors and ceiling, classes of the wrong answers, and the matrix of
/// disagreements with row ids.
void print_details(Scorer& scorer, const std::vector<ScoredRow>& rows, std::ostream& out);

}  // namespace tradeoff::sql
