#include "statement_search.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "sql_scan.hpp"
#include "unicode.hpp"

namespace tradeoff::task {
namespace {

using Words = std::set<std::string, std::less<>>;

bool contains(std::string_view characters, char c) {
  return characters.find(c) != std::string_view::npos;
}

// Follows places that only grow through a text, and keeps what stands behind them, so that nothing
// is looked at twice: where the line begins, and where a block comment was opened last.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text), blank_(first_of(text)) { begin_line(0); }

  void move(std::size_t at) {
    const std::size_t line = text_.substr(0, at).substr(at_).rfind('\n');
    if (line != std::string_view::npos) begin_line(at_ + line + 1);
    // A mark may have begun before the last place.
    const std::size_t from = at_ > 0 ? at_ - 1 : 0;
    const std::size_t open = text_.substr(0, at).substr(from).rfind("/*");
    if (open != std::string_view::npos) open_ = from + open;
    at_ = at;
  }

  std::size_t line() const { return line_; }
  // Whether nothing but marks of lists and headings stands in the line before `end`.
  bool marks_only(std::size_t end) const { return first_other_ >= end; }
  // Whether nothing stands before the line.
  bool is_first_line() const { return line_ <= blank_; }
  // Where the last block comment before the place was opened; npos: none was.
  std::size_t comment() const { return open_; }

 private:
  // The first place of `text` that is not white space; its size where all is.
  static std::size_t first_of(std::string_view text) {
    const std::string_view stripped = strip(text);
    return stripped.empty() ? text.size() : static_cast<std::size_t>(stripped.data() - text.data());
  }

  void begin_line(std::size_t at) {
    line_ = at;
    const std::string_view line = text_.substr(at, text_.find('\n', at) - at);
    const std::size_t other = line.find_first_not_of("->#0123456789.)+", first_of(line));
    first_other_ = at + std::min(other, line.size());
  }

  std::string_view text_;
  std::size_t blank_;  // of the text's begin
  std::size_t at_ = 0, line_ = 0, first_other_ = 0, open_ = std::string_view::npos;
};

// What stands before a statement on its line, without the marks that may wrap it.
struct Lead {
  Lead(std::string_view text, std::size_t at, const Cursor& cursor) {
    std::string_view before = strip(text.substr(cursor.line(), at - cursor.line()));
    while (!before.empty() && contains("*`\"'( \t", before.back())) {
      if (contains("`\"'", before.back()) && wrapper == 0) wrapper = before.back();
      parenthesis = parenthesis || before.back() == '(';
      before.remove_suffix(1);
    }
    const bool marks_only =
        before.empty() ||
        cursor.marks_only(static_cast<std::size_t>(before.data() + before.size() - text.data()));
    comment = before.starts_with("--");
    starts_line = marks_only || before.ends_with(':') || before.ends_with('>') ||
                  (before.size() <= 6 && Words{"sql", "sqlite"}.contains(lower(before)));
    opens = starts_line && cursor.is_first_line();
  }
  bool starts_line = false, opens = false, parenthesis = false, comment = false;
  char wrapper = 0;
};

// Whether SQL follows a word that may be a column: "a" of "SELECT a, b", "data" of "SELECT data
// FROM t".
bool goes_on_as_sql(std::string_view text, std::size_t at) {
  const std::size_t next = skip_space(text, at);
  if (next == text.size()) return false;
  const std::string word = lower(word_at(text, next));
  return word.empty() ? contains(",.(=<>+-*/\\", text[next]) : word == "from" || word == "as";
}

// "select the ...", "SELECT statement", "Select names of ...": English, whatever its capitals.
bool is_sentence(std::string_view text, std::size_t behind_select, bool starts_line) {
  static const Words kAfterSelect = {
      "the",        "a",     "an",      "each",   "every",   "only",   "those", "these",
      "this",       "that",  "which",   "and",    "or",      "to",     "with",  "statement",
      "statements", "query", "queries", "clause", "command", "keyword"};
  static const Words kAfterAll = {"the", "of", "rows", "records", "columns", "data", "those"};
  static const Words kAfterNoun = {"of", "that", "who", "whose", "which", "for", "to", "with"};
  const std::size_t at = skip_space(text, behind_select);
  if (at == text.size()) return !starts_line;
  const std::string first = lower(word_at(text, at));
  if (first.empty()) {
    return contains(",.;:!?)", text[at]) || (at == behind_select && contains("`\"'", text[at]));
  }
  const std::string second = lower(word_at(text, skip_space(text, at + first.size())));
  if (first == "all") return kAfterAll.contains(second);
  if (kAfterSelect.contains(first)) return !goes_on_as_sql(text, at + first.size());
  return kAfterNoun.contains(second);
}

// Where the word `from` begins, be blanks, line breaks, quotes or signs around it.
std::size_t find_from(std::string_view small) {
  for (std::size_t at = small.find("from"); at != std::string_view::npos;
       at = small.find("from", at + 4)) {
    const bool begins = at == 0 || !is_word_char(small[at - 1]);
    if (begins && word_at(small, at) == "from") return at;
  }
  return std::string_view::npos;
}

// What only the whole statement shows, where SELECT is not in capitals: "select names from the
// table". A table may be called "a": then nothing or a clause follows it.
bool reads_as_sentence(const std::string& sql, bool starts_line) {
  static const Words kArticles = {"the", "this", "that", "each", "a"};
  const std::string small = lower(sql);
  const std::size_t from = find_from(small);
  if (from == std::string::npos) {
    // "select 1", "select count(*)"
    const std::size_t at = skip_space(small, 6);
    if (!starts_line || at == small.size()) return true;
    const char behind = (small + " ")[at + word_at(small, at).size()];
    return std::string_view("0123456789'(*").find(small[at]) == std::string_view::npos &&
           behind != '(';
  }
  const std::size_t at = skip_space(small, from + 4);
  const std::string_view table = word_at(small, at);
  if (!kArticles.contains(table)) return false;
  const std::string_view next = word_at(small, skip_space(small, at + table.size()));
  return !next.empty() && !is_clause_word(next);
}

// WITH [RECURSIVE] name [(columns)] AS
bool is_common_table(std::string_view text, std::size_t behind_with) {
  std::size_t at = skip_space(text, behind_with);
  std::string word = lower(word_at(text, at));
  if (word == "recursive") {
    at = skip_space(text, at + word.size());
    word = lower(word_at(text, at));
  }
  at = skip_space(text, at + word.size());
  if (at < text.size() && text[at] == '(') {
    const std::size_t close = text.find(')', at);
    if (close == std::string_view::npos) return false;
    at = skip_space(text, close + 1);
  }
  return !word.empty() && lower(word_at(text, at)) == "as";
}

// "INSERT INTO", "EXPLAIN SELECT", ...: a statement of another kind rather than an English
// imperative.
bool is_other_statement(std::string_view text, std::string_view verb, std::size_t behind) {
  static const std::map<std::string, Words, std::less<>> kSecond = {
      {"insert", {"into", "or"}},
      {"replace", {"into"}},
      {"delete", {"from"}},
      {"drop", {"table", "view", "index", "trigger"}},
      {"create", {"table", "view", "index", "trigger", "temp", "temporary", "virtual", "unique"}},
      {"alter", {"table"}},
      {"explain", {"query", "select", "with"}},
      {"attach", {"database"}}};
  const std::size_t at = skip_space(text, behind);
  const std::string second = lower(word_at(text, at));
  if (verb == "update") return lower(word_at(text, skip_space(text, at + second.size()))) == "set";
  const auto found = kSecond.find(verb);
  return found != kSecond.end() && found->second.contains(second);
}

// Where the block comment around `at`, opened at `open`, ends; `at` itself where there is none.
std::size_t behind_block_comment(std::string_view text, std::size_t at, std::size_t open) {
  if (open == std::string_view::npos) return at;
  const std::size_t close = text.find("*/", open + 2);
  return close < at ? at : std::min(close, text.size());
}

// What was read as sentences: words inside one may begin a statement still, but a text of nothing
// but such words is not read anew from each of them.
struct Sentences {
  static constexpr int kMost = 16;
  std::size_t end = 0;
  int overlapping = 0;

  bool too_many(std::size_t at) const { return at < end && overlapping >= kMost; }
  void add(std::size_t at, std::size_t its_end) {
    overlapping = at < end ? overlapping + 1 : 1;
    end = std::max(end, its_end);
  }
};

// The statement at `at`, which is a SELECT or WITH, ranked; `next` moves behind it.
Candidate candidate_at(const Region& region, std::size_t at, const Cursor& cursor,
                       Sentences& sentences, std::size_t& next) {
  const std::string_view text = region.text, word = word_at(text, at);
  const Lead lead(text, at, cursor);
  const bool capitals = word == "SELECT" || word == "WITH";
  const bool select = lower(word) == "select";
  if (lead.comment) return {};
  if (const std::size_t behind = behind_block_comment(text, at, cursor.comment()); behind != at) {
    next = std::max(next, behind);
    return {};
  }
  if (select && is_sentence(text, next, lead.starts_line)) return {};
  if (sentences.too_many(at)) {
    next = std::max(next, sentences.end);
    return {};
  }
  if (!select && !is_common_table(text, next) && !(capitals && lead.starts_line)) return {};

  Surroundings around{.code = region.closed, .wrapper = lead.wrapper};
  Statement statement = scan_statement(text, at, around);
  if (lead.parenthesis && statement.end < text.size() && text[statement.end] == ')') {
    // "(SELECT ...) UNION (SELECT ...)" is one thing, right or wrong.
    const std::string then = lower(word_at(text, skip_space(text, statement.end + 1)));
    if (Words{"union", "intersect", "except"}.contains(then)) {
      statement = scan_statement(text, text.rfind('(', at), around);
    }
  }
  const Rank rank = lead.starts_line ? Rank::line_start
                    : capitals       ? Rank::capitals_within_line
                                     : Rank::within_sentence;
  const bool sure = capitals || (rank == Rank::line_start && region.fenced);
  if (select && !sure && reads_as_sentence(statement.sql, lead.starts_line)) {
    sentences.add(at, statement.end);
    return {};
  }
  next = std::max(next, statement.end);
  return {.rank = rank,
          .opens = lead.opens,
          .sql = std::move(statement.sql),
          .begin = at,
          .end = statement.end};
}

}  // namespace

std::vector<Candidate> candidates_of(const Region& region) {
  const std::string_view text = region.text;
  std::vector<Candidate> candidates;
  Cursor cursor(text);
  Sentences sentences;
  std::size_t next = 0;
  for (std::size_t at = 0; at < text.size(); at = next) {
    const std::string_view word = word_at(text, at);
    next = at + std::max<std::size_t>(word.size(), 1);
    if (word.empty()) continue;
    const std::string verb = lower(word);
    if (verb == "select" || verb == "with") {
      cursor.move(at);
      Candidate candidate = candidate_at(region, at, cursor, sentences, next);
      if (candidate.rank != Rank::none) candidates.push_back(std::move(candidate));
    } else if (is_other_statement(text, verb, next)) {
      cursor.move(at);
      if (!Lead(text, at, cursor).starts_line) continue;
      const Surroundings around{.code = region.closed, .takes_select = true};
      next = std::max(next, scan_statement(text, at, around).end);
    }
  }
  return candidates;
}

}  // namespace tradeoff::task
