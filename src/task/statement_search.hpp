#pragma once
#include <string>
#include <vector>

#include "answer_regions.hpp"

namespace tradeoff::task {

/// How plainly a stretch of an answer is a statement, least first.
enum class Rank { none, within_sentence, capitals_within_line, line_start };

/// A statement found in a region, and the bytes of the region it was read from.
struct Candidate {
  Rank rank = Rank::none;
  // Nothing but a label stands before it.
  bool opens = false;
  std::string sql;
  std::size_t begin = 0, end = 0;
};

/// Every SELECT or WITH statement of `region`, in order. Other statements (INSERT, DROP, ...) and
/// sentences ("select the names ...") are passed over.
std::vector<Candidate> candidates_of(const Region& region);

}  // namespace tradeoff::task
