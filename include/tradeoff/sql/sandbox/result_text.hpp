#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "tradeoff/sql/sandbox/execute.hpp"

namespace tradeoff::sql {

/// A result for people: the columns' names, the first `most` rows, and how many there are, cells
/// joined by " | "; for a statement that did not run, its outcome and message.
std::vector<std::string> result_lines(const Result& result, std::size_t most);

/// The same as one text of at most `most` rows and `width` bytes a line, cut between characters;
/// "" for a statement that did not run.
std::string result_preview(const Result& result, std::size_t most = 5, std::size_t width = 160);

}  // namespace tradeoff::sql
