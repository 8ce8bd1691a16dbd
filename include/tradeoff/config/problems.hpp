#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tradeoff/base/error.hpp"

namespace tradeoff::config {

/// What the user gave cannot be run; main ends with exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Everything wrong with what the user gave, collected so that it is shown at once.
class Problems {
 public:
  /// `where` is "--option", "FILE:LINE" or "FILE:LINE: key".
  void add(std::string_view where, std::string_view what);
  bool empty() const { return lines_.empty(); }
  const std::vector<std::string>& lines() const { return lines_; }
  /// Throws UsageError with one line for each problem; does nothing when there is none.
  void throw_if_any() const;

 private:
  std::vector<std::string> lines_;
};

/// The one of `names` nearest to `name` by edit distance (Levenshtein 1966, with swaps of
/// neighbours), or "" where none is near: at most a third of the letters may differ.
std::string nearest(std::string_view name, const std::vector<std::string>& names);
/// ` (did you mean "X"?)`, or "" where nothing is near.
std::string suggestion(std::string_view name, const std::vector<std::string>& names);

}  // namespace tradeoff::config
