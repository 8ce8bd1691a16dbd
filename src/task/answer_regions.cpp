#include "answer_regions.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>

#include "answer_wrappers.hpp"
#include "sql_scan.hpp"
#include "unicode.hpp"

namespace tradeoff::task {
namespace {

// Length of a fence mark at `at`, three or more backticks or tildes; 0 where there is none. One
// that touches other text from behind ('%```') is none.
std::size_t fence_at(std::string_view text, std::size_t at) {
  const char mark = text[at];
  if (mark != '`' && mark != '~') return 0;
  if (at > 0 && std::string_view(" \t\r\n*:>_-").find(text[at - 1]) == std::string_view::npos)
    return 0;
  std::size_t end = at;
  while (end < text.size() && text[end] == mark) ++end;
  return end - at >= 3 ? end - at : 0;
}

// Length of the info string behind an opening fence ("sql"): a word alone on its line, or a
// language's name.
std::size_t info_length(std::string_view text, std::size_t at) {
  static const std::set<std::string, std::less<>> kLanguages = {
      "sql", "sqlite", "sqlite3", "mysql", "postgresql", "psql", "plsql", "tsql", "text", "query"};
  const std::size_t line_end = std::min(text.find('\n', at), text.size());
  const std::size_t begin = std::min(skip_space(text, at), line_end);
  const std::string first = lower(word_at(text, begin));
  if (first == "select" || first == "with") return 0;
  const bool alone = strip(text.substr(begin, line_end - begin)).size() == first.size();
  return alone || kLanguages.contains(first) ? begin + first.size() - at : 0;
}

// Wrappers within wrappers that are looked into: each costs a reading of all the text in it.
constexpr int kMaxDepth = 8;

// Appends `text`, cut at the wrappers in it.
void add(std::vector<Region>& regions, std::string_view text, Region kind, int depth) {
  if (depth == kMaxDepth) {
    kind.text = text;
    regions.push_back(std::move(kind));
    return;
  }
  std::vector<Region> pieces = unwrapped(text, kind, depth);
  std::move(pieces.begin(), pieces.end(), std::back_inserter(regions));
}

}  // namespace

std::vector<Region> regions_of(std::string_view answer, int depth) {
  std::vector<Region> regions;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < answer.size();) {
    const std::size_t length = fence_at(answer, at);
    if (length == 0) {
      ++at;
      continue;
    }
    add(regions, answer.substr(begin, at - begin), {}, depth);
    const std::string mark(3, answer[at]);
    at += length;
    at += info_length(answer, at);
    const std::size_t end = answer.find(mark, at);
    const bool closed = end != std::string_view::npos;
    add(regions, answer.substr(at, end - at), {.text = "", .fenced = true, .closed = closed},
        depth);
    if (!closed) return regions;
    at = std::min(answer.find_first_not_of(mark[0], end), answer.size());
    begin = at;
  }
  add(regions, answer.substr(begin), {}, depth);
  return regions;
}

}  // namespace tradeoff::task
