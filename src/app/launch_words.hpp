#pragma once
#include <set>
#include <string>
#include <string_view>

namespace tradeoff::app {

/// What mpirun and its ranks write on standard error, with mpirun's words about a rank that ended
/// left out or in one line: a rank has said itself why it ends. A fault that several ranks
/// find is told once.
class LaunchWords {
 public:
  /// What of it is to be shown; a line or block that is not yet whole is kept.
  std::string take(std::string_view bytes);
  /// The rest, at the end.
  std::string finish();

 private:
  std::string line(std::string_view line);
  std::string block();

  std::string partial_, block_;
  std::set<std::string> told_;  // faults
  bool in_block_ = false;
};

}  // namespace tradeoff::app
