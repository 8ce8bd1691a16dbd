#include "sql_scan.hpp"

#include <algorithm>
#include <set>

namespace tradeoff::task {
namespace {

using Words = std::set<std::string, std::less<>>;

// Behind these a statement is not finished.
const Words kDemanding = {
    "all",  "and",    "as",        "between", "by",    "case",  "collate",   "cross", "distinct",
    "else", "escape", "except",    "exists",  "from",  "full",  "glob",      "group", "having",
    "in",   "inner",  "intersect", "is",      "join",  "left",  "like",      "limit", "natural",
    "not",  "offset", "on",        "or",      "order", "outer", "recursive", "right", "select",
    "then", "union",  "using",     "when",    "where", "with"};
// A line that begins with one of these goes on with the statement of the line before.
const Words kContinuing = {"and",   "as",     "asc",   "between", "case",   "collate", "cross",
                           "desc",  "else",   "end",   "escape",  "except", "exists",  "from",
                           "full",  "glob",   "group", "having",  "in",     "inner",   "intersect",
                           "is",    "join",   "left",  "like",    "limit",  "natural", "not",
                           "nulls", "offset", "on",    "or",      "order",  "outer",   "right",
                           "then",  "union",  "using", "when",    "where",  "window"};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "From" and "Where", but neither "FROM" nor "from".
bool is_title_case(std::string_view word) {
  return word.size() > 1 && is_upper(word[0]) && is_lower(word[1]);
}

class StatementScanner {
 public:
  StatementScanner(std::string_view text, std::size_t start, const Surroundings& surroundings)
      : text_(text), at_(start), around_(surroundings) {
    const std::string_view first = word_at(text, start);
    title_case_ = is_title_case(first);
    awaits_select_ = around_.takes_select || lower(first) == "with";
  }

  Statement scan() {
    while (at_ < text_.size() && !step()) {
    }
    while (!sql_.empty() && is_space(sql_.back())) sql_.pop_back();
    return {std::move(sql_), at_};
  }

 private:
  bool starts(std::string_view mark) const { return text_.substr(at_).starts_with(mark); }
  char next_char() const { return at_ + 1 < text_.size() ? text_[at_ + 1] : '\n'; }

  void take(std::size_t length) {
    sql_ += text_.substr(at_, length);
    at_ += length;
  }

  // Moves over one token; true where the statement ends before it (or with it, at a semicolon).
  bool step() {
    const char c = text_[at_];
    if (is_space(c)) return take_space();
    if (starts("--") || starts("/*")) {
      skip_comment();
      return false;
    }
    if (c == ';') {
      ++at_;
      return true;
    }
    if (starts("\\n") || starts("\\t") || starts("\\r")) {
      // A line break that the model wrote as an escape.
      sql_ += ' ';
      at_ += 2;
      return false;
    }
    if (c == around_.wrapper && !demanding_) {
      ++at_;
      return true;
    }
    if (c == '\'' || c == '"' || c == '`' || c == '[') {
      take_quoted(c == '[' ? ']' : c);
      demanding_ = after_select_ = false;
      last_sign_ = ' ';
      return false;
    }
    if (is_word_char(c)) {
      take_word();
      return false;
    }
    return take_sign(c);
  }

  bool take_space() {
    const std::size_t next = skip_space(text_, at_);
    const std::string_view space = text_.substr(at_, next - at_);
    const auto lines = std::count(space.begin(), space.end(), '\n');
    if (next == text_.size() || (lines > 0 && ends_at_line(next, lines > 1))) {
      at_ = next;
      return true;
    }
    take(space.size());
    return false;
  }

  bool ends_at_line(std::size_t next, bool blank_line) const {
    if (demanding_) return false;
    const std::string_view word = word_at(text_, next);
    const std::string small = lower(word);
    if (depth_ == 0 && (small == "select" || small == "with")) {
      return !(awaits_select_ && small == "select");
    }
    if (around_.code || (depth_ > 0 && !blank_line)) return false;
    if (!word.empty()) {
      // "In this query ..." is a sentence, unless the statement itself is written "Select ...
      // From".
      if (!kContinuing.contains(small)) return true;
      return is_title_case(word) && !title_case_ && !clause_at(next, small);
    }
    if (std::string_view("+-*/%").find(text_[next]) != std::string_view::npos &&
        !text_.substr(next).starts_with("--") && !text_.substr(next).starts_with("/*"))
      return !term_at(next + 1);
    const std::string_view rest = text_.substr(next);
    const bool comment = rest.starts_with("--") && !rest.starts_with("---");
    return !comment && !rest.starts_with("/*") &&
           std::string_view(",=<>|);").find(text_[next]) == std::string_view::npos;
  }

  // The place behind the word at `at` and the blanks there.
  std::size_t behind_word(std::size_t at) const {
    return skip_space(text_, at + word_at(text_, at).size());
  }

  bool has_sign(std::size_t at, std::string_view signs) const {
    return at < text_.size() && signs.find(text_[at]) != std::string_view::npos;
  }

  // A keyword of SQL that no sentence begins with.
  bool keyword_at(std::size_t at) const {
    const std::string_view word = word_at(text_, at);
    return !is_title_case(word) && is_clause_word(lower(word));
  }

  // A line "From t", "Where a = 1", "Order By a" behind a SELECT in capitals.
  bool clause_at(std::size_t at, const std::string& small) const {
    if (small == "from") return !seen_from_;
    const std::size_t next = behind_word(at);
    const std::string second = lower(word_at(text_, next));
    if (small == "order" || small == "group") return second == "by";
    if (small == "limit") return !second.empty() && is_digit(second[0]);
    if (small == "union") return second == "select" || second == "all";
    if (second.empty()) return has_sign(next, "(");
    static const Words kComparing = {"like", "between"};
    const std::size_t third = behind_word(next);
    return second == "join" || has_sign(third, "=<>!.(") ||
           kComparing.contains(word_at(text_, third));
  }

  // Behind an operator that begins a line: a term that goes on as SQL, not the item of a list.
  bool term_at(std::size_t at) const {
    at = skip_space(text_, at);
    const std::string_view word = word_at(text_, at);
    if (word.empty()) return has_sign(at, "(");
    if (is_clause_word(lower(word))) return false;
    const std::size_t next = behind_word(at);
    if (is_digit(word[0])) return !has_sign(next, ".:)") || depth_ > 0;
    const bool goes_on = has_sign(next, "=<>!+-*/%|") || keyword_at(next);
    return goes_on || (has_sign(next, ",)") && (depth_ > 0 || !seen_from_));
  }

  // At a full stop before a blank: whether it belongs to a number ("7. AND") or joins a table and
  // its column ("T1 . name"), rather than ends a sentence.
  bool stop_within(std::size_t at) const {
    const std::size_t next = skip_space(text_, at + 1);
    if (next == text_.size()) return false;
    if (is_number_) return keyword_at(next) || has_sign(next, ")");
    if (!operand_) return false;
    if (has_sign(next, "*\"`[")) return true;
    const std::string_view column = word_at(text_, next);
    if (column.empty() || keyword_at(next)) return false;
    const std::size_t behind = skip_space(text_, next + column.size());
    if (has_sign(behind, "=<>!+-*/|),") || keyword_at(behind)) return true;
    const bool ends = behind == text_.size() || has_sign(behind, ";`") ||
                      text_.substr(next + column.size(), 1) == "\n";
    return ends && is_alias(lower(last_word_));
  }

  // t1, or a name that the statement gives to a table.
  bool is_alias(const std::string& small) const {
    const bool numbered = small.size() > 1 && small[0] == 't' &&
                          small.find_first_not_of("0123456789", 1) == std::string::npos;
    return numbered || names_.contains(small);
  }

  // Keeps what stop_within() asks of the words before a full stop.
  void note_word(std::string_view word, const std::string& small) {
    static const Words kTables = {"from", "join", "as", "limit", "offset", "into"};
    if (kTables.contains(last_small_)) names_.insert(small);
    is_number_ = is_digit(word[0]) && word.find_first_not_of("0123456789") == word.npos;
    operand_ = demanding_ && !kTables.contains(last_small_) && !kDemanding.contains(small);
    seen_from_ = seen_from_ || (depth_ == 0 && small == "from");
    last_word_ = word;
    last_small_ = small;
  }

  void skip_comment() {
    const bool line = text_[at_] == '-';
    const std::size_t end = text_.find(line ? "\n" : "*/", at_ + 2);
    if (end == std::string_view::npos) {
      at_ = text_.size();
    } else {
      at_ = line ? end : end + 2;
    }
    // A comment separates what stands on its sides.
    if (!sql_.empty() && !is_space(sql_.back())) sql_ += ' ';
  }

  // To the closing quote, doubled ones being part of it. An answer that was cut off inside a
  // literal has none: then to the end of the line, in prose also where the quote would close on a
  // later line.
  void take_quoted(char close) {
    std::size_t end = at_ + 1;
    for (;;) {
      end = text_.find(close, end);
      if (end == std::string_view::npos) break;
      const bool doubled = end + 1 < text_.size() && text_[end + 1] == close;
      if (!doubled || close == ']' || close == around_.wrapper) break;
      end += 2;
    }
    const std::size_t line_end = std::min(text_.find('\n', at_), text_.size());
    const bool cut = end == std::string_view::npos || (!around_.code && end > line_end);
    take((cut ? line_end : end + 1) - at_);
  }

  void take_word() {
    const std::string_view word = word_at(text_, at_);
    std::size_t length = word.size();
    const std::string small = lower(word);
    if (depth_ == 0 && small == "select") awaits_select_ = false;
    note_word(word, small);
    demanding_ = kDemanding.contains(small);
    last_sign_ = ' ';
    after_select_ = small == "select" || small == "distinct" || small == "all";
    if (is_digit(word[0]) && at_ + length + 1 < text_.size() && text_[at_ + length] == '.' &&
        is_digit(text_[at_ + length + 1])) {
      length += 1 + word_at(text_, at_ + length + 1).size();
      is_number_ = false;
    }
    take(length);
  }

  bool take_sign(char c) {
    const bool star_is_all =
        after_select_ || std::string_view(".(,").find(last_sign_) != std::string_view::npos;
    after_select_ = false;
    last_sign_ = c;
    if (c == ')' && depth_ == 0) return true;
    if (starts("</") || starts("**") || starts("```") || c == '#') return true;
    if (!around_.code) {
      if (c == ':' && is_space(next_char())) return true;
      if (c == '.' && is_space(next_char()) && !stop_within(at_)) return true;
      if (c == '?') return true;
      if (c == '!' && !has_sign(skip_space(text_, at_ + 1), "=")) return true;
    }
    const bool behind_number = c == '.' && is_number_;
    is_number_ = operand_ = false;
    if (c != '.') last_small_.clear();
    if (c == '(') ++depth_;
    if (c == ')') --depth_;
    demanding_ = c != ')' && !behind_number && !(c == '*' && star_is_all);
    take(1);
    return false;
  }

  std::string_view text_;
  std::size_t at_;
  Surroundings around_;
  std::string sql_;
  int depth_ = 0;
  bool title_case_ = false;
  // Before the SELECT that a WITH or INSERT leads to.
  bool awaits_select_ = false;
  // The last token needs something behind it: an operator, a comma, FROM, ...
  bool demanding_ = false;
  bool after_select_ = false;
  // At depth 0.
  bool seen_from_ = false;
  // Of the last word: digits alone; where a column may stand.
  bool is_number_ = false, operand_ = false;
  std::string_view last_word_;
  std::string last_small_;
  // Words behind FROM, JOIN and AS, in lower case.
  std::set<std::string> names_;
  // The last token where it was a sign, else a space.
  char last_sign_ = ' ';
};

}  // namespace

Statement scan_statement(std::string_view text, std::size_t start,
                         const Surroundings& surroundings) {
  return StatementScanner(text, start, surroundings).scan();
}

bool is_clause_word(std::string_view word) {
  return kContinuing.contains(word);
}

bool is_word_char(char c) {
  return is_upper(c) || is_lower(c) || is_digit(c) || c == '_' || (c & 0x80) != 0;
}

std::string_view word_at(std::string_view text, std::size_t at) {
  std::size_t end = std::min(at, text.size());
  while (end < text.size() && is_word_char(text[end])) ++end;
  return text.substr(std::min(at, text.size()), end - std::min(at, text.size()));
}

std::string lower(std::string_view text) {
  std::string small(text);
  for (char& c : small) c = is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  return small;
}

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

}  // namespace tradeoff::task
