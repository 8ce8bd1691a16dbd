#pragma once
#include <array>
#include <iosfwd>
#include <string_view>
#include <vector>

#include "tradeoff/sql/files/score_files.hpp"

namespace tradeoff::sql {

/// What evaluation.py prints while it works: every pair that does not match, and each tenth
/// session.
void print_mismatches(const std::vector<ScoredRow>& rows, std::ostream& out);

/// Averages as the official evaluation.py prints them, to the character: by hardness, over all,
/// and, where there are sessions, over whole sessions and by turn. Rows whose gold fails do not
/// enter.
class OfficialTable {
 public:
  /// sessions  as many as the gold file has; one where it knows none.
  OfficialTable(bool exec, bool match, int sessions);

  void add(const Verdict& verdict, int session, int turn);
  void print(std::ostream& out) const;

 private:
  struct Part {
    double precision = 0, recall = 0;
    int precision_count = 0, recall_count = 0;
  };
  struct Column {
    int count = 0, exec_count = 0, match_count = 0;
    double exec = 0, match = 0;
    std::array<Part, kComponents> parts;
  };
  struct Session {
    bool exec = true, match = true;
  };

  void print_row(std::ostream& out, std::string_view name, const std::vector<double>& cells) const;
  std::vector<Column> columns() const;

  bool exec_, match_;
  std::array<Column, 5> levels_, turns_;  // easy, medium, hard, extra, all; turn 1 to 4, > 4
  std::vector<Session> sessions_;
};

}  // namespace tradeoff::sql
