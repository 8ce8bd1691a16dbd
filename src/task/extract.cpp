#include "tradeoff/task/extract.hpp"

#include <algorithm>
#include <set>

#include "answer_regions.hpp"
#include "sql_scan.hpp"
#include "statement_search.hpp"
#include "unicode.hpp"

namespace tradeoff::task {
namespace {

using Words = std::set<std::string, std::less<>>;
using Rule = Extracted::Rule;

// A statement and the words between it and the one before it.
struct Found {
  Candidate candidate;
  std::size_t region = 0;
  bool fenced = false, last_word = false;
  std::string before;
};

std::vector<Found> statements_of(const std::vector<Region>& regions) {
  std::vector<Found> found;
  std::string since;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const std::string_view text = regions[i].text;
    std::size_t done = 0;
    for (Candidate& candidate : candidates_of(regions[i])) {
      since.append(text.substr(done, std::max(candidate.begin, done) - done));
      done = std::min(candidate.end, text.size());
      found.push_back({.candidate = std::move(candidate),
                       .region = i,
                       .fenced = regions[i].fenced,
                       .last_word = regions[i].last_word,
                       .before = std::move(since)});
      since.clear();
    }
    since.append(text.substr(done)).append("\n");
  }
  return found;
}

enum class Announced { nothing, correction, other };

// What the words before a statement say of it; the last one that says something counts.
Announced announced_by(std::string_view words) {
  static const Words kCorrection = {"actually",   "apologies", "apologize", "correct", "corrected",
                                    "correction", "corrects",  "final",     "finally", "fix",
                                    "fixed",      "incorrect", "instead",   "mistake", "oops",
                                    "revised",    "sorry",     "updated",   "wait",    "wrong"};
  static const Words kOther = {
      "or",          "also",          "alternate",  "alternative", "another", "breakdown",
      "comment",     "alternatively", "equivalent", "example",     "note",    "equivalently",
      "explanation", "question",      "reasoning",  "rationale",   "thought"};
  Announced announced = Announced::nothing;
  for (std::size_t at = 0; at < words.size();) {
    const std::string word = lower(word_at(words, at));
    if (kCorrection.contains(word)) announced = Announced::correction;
    if (kOther.contains(word)) announced = Announced::other;
    at += std::max<std::size_t>(word.size(), 1);
  }
  return announced;
}

// A model that was not stopped goes on with the next question of its own making.
bool asks_again(std::string_view words) {
  static const Words kTurns = {"question", "q", "user", "human", "database", "schema"};
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find('\n', at), words.size());
    std::string_view line = strip(words.substr(at, end - at));
    while (!line.empty() && (line[0] == '#' || line[0] == '*' || line[0] == ' '))
      line.remove_prefix(1);
    const std::string word = lower(word_at(line, 0));
    const std::string_view behind = line.substr(word.size());
    if (kTurns.contains(word) && behind.substr(0, 4).find(':') != std::string_view::npos)
      return true;
    at = end + 1;
  }
  return false;
}

// The first choice, before any correction: index into `found`.
std::size_t first_choice(const std::vector<Found>& found, Rule& rule) {
  rule = Rule::opening;
  if (found[0].candidate.opens && found[0].region == 0) return 0;
  rule = Rule::fence;
  const auto fenced =
      std::find_if(found.begin(), found.end(), [](const Found& f) { return f.fenced; });
  if (fenced != found.end()) return static_cast<std::size_t>(fenced - found.begin());
  rule = Rule::prose;
  const auto best = std::max_element(
      found.begin(), found.end(),
      [](const Found& a, const Found& b) { return a.candidate.rank < b.candidate.rank; });
  return static_cast<std::size_t>(best - found.begin());
}

bool is_whole(const Found& found) {
  const std::string sql = lower(found.candidate.sql);
  return sql.find("from") != std::string::npos;
}

// Whether `later` takes the place of `chosen`, and by which rule.
Rule replacement(const Found& chosen, const Found& later) {
  if (later.last_word) return Rule::last_word;
  if (later.candidate.rank != Rank::line_start && !later.fenced) return Rule::none;
  const Announced announced = announced_by(later.before);
  if (announced == Announced::other) return Rule::none;
  if (announced == Announced::correction) return Rule::correction;
  // The first statement of a fence is the fence's.
  const bool another_fence = chosen.fenced && later.fenced && later.region != chosen.region;
  return another_fence && is_whole(later) ? Rule::last_fence : Rule::none;
}

}  // namespace

Extracted extract_sql(std::string_view raw) {
  const std::string answer = answer_of(raw);
  if (strip(answer).empty()) {
    return {thinks(raw) ? Extracted::Found::no_sql : Extracted::Found::empty_output, "",
            Rule::none};
  }
  std::vector<Found> found = statements_of(regions_of(answer));
  if (found.empty()) return {Extracted::Found::no_sql, "", Rule::none};
  Rule rule = Rule::none;
  std::size_t chosen = first_choice(found, rule);
  std::string between;
  for (std::size_t i = chosen + 1; i < found.size(); ++i) {
    between += found[i].before;
    if (asks_again(between)) break;
    // Whole lines are looked at once.
    between.erase(0, between.rfind('\n') + 1);
    const Rule better = replacement(found[chosen], found[i]);
    if (better == Rule::none) continue;
    chosen = i;
    rule = better;
    between.clear();
  }
  return {Extracted::Found::statement, std::move(found[chosen].candidate.sql), rule};
}

std::string_view name_of(Rule rule) {
  constexpr std::string_view kNames[] = {"none",  "opening",    "fence",    "last_fence",
                                         "prose", "correction", "last_word"};
  return kNames[static_cast<std::size_t>(rule)];
}

std::string one_line(std::string_view sql) {
  std::string line(strip(sql));
  const auto breaks = [](char c) { return c == '\n' || c == '\r' || c == '\t'; };
  std::replace_if(line.begin(), line.end(), breaks, ' ');
  return line;
}

}  // namespace tradeoff::task
