#include "launch_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>
#include <utility>

namespace tradeoff::app {
namespace {

// Open MPI puts its words between two lines of 74 dashes.
constexpr std::size_t kRule = 60;

bool is_rule(std::string_view line) {
  return line.size() >= kRule && std::ranges::all_of(line, [](char c) { return c == '-'; });
}

// What follows from a rank's own last words, or from its exit code.
constexpr std::array<std::string_view, 3> kSaid = {
    "MPI_ABORT was invoked on rank", "Primary job  terminated normally",
    "detected that one or more processes exited with non-zero status"};

// "[host:123] 1 more process has sent help message ...", how to see them, and that mpirun lost such
// a message as ranks ended; what it did with a signal that it was sent.
bool is_aside(std::string_view line) {
  if (line.starts_with("mpirun: Forwarding signal ")) return true;
  return line.starts_with("[") &&
         (line.find("has sent help message") != line.npos ||
          line.find("have sent help message") != line.npos ||
          line.find("orte_base_help_aggregate") != line.npos ||
          (line.find("ORTE_ERROR_LOG") != line.npos && line.find("show_help.c") != line.npos));
}

}  // namespace

std::string LaunchWords::take(std::string_view bytes) {
  partial_ += bytes;
  std::string shown;
  std::size_t begin = 0;
  for (auto end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n', begin)) {
    shown += line(std::string_view(partial_).substr(begin, end - begin));
    begin = end + 1;
  }
  partial_.erase(0, begin);
  return shown;
}

std::string LaunchWords::finish() {
  std::string shown = in_block_ ? block() : "";
  return shown + std::exchange(partial_, "");
}

std::string LaunchWords::line(std::string_view line) {
  if (is_rule(line)) {
    in_block_ = !in_block_;
    return in_block_ ? "" : block();
  }
  std::string whole = std::string(line) + "\n";
  // All ranks may find the same fault: the first tells it.
  static const std::regex fault(R"(rank \d+/\d+ \S+: (.*)\n)");
  std::smatch found;
  if (std::regex_match(whole, found, fault) && !told_.insert(found.str(1)).second) return "";
  if (!in_block_) return is_aside(line) ? "" : whole;
  block_ += whole;
  return "";
}

std::string LaunchWords::block() {
  const std::string text = std::exchange(block_, "");
  in_block_ = false;
  for (const std::string_view said : kSaid)
    if (text.find(said) != text.npos) return "";
  static const std::regex killed(
      R"(process rank (\d+) with PID \d+ on node (\S+) exited on\s+signal (\d+ \([^)]*\)))");
  std::smatch found;
  if (std::regex_search(text, found, killed))
    return fmt::format("tradeoff: rank {} on {} was ended by signal {}\n", found.str(1),
                       found.str(2), found.str(3));
  return text;
}

}  // namespace tradeoff::app
