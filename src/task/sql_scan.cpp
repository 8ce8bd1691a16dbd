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
      return !kContinuing.contains(small) || (is_title_case(word) && !title_case_);
    }
    const std::string_view rest = text_.substr(next);
    const bool comment = rest.starts_with("--") && !rest.starts_with("---");
    return !comment && !rest.starts_with("/*") &&
           std::string_view(",=<>|);").find(text_[next]) == std::string_view::npos;
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
    demanding_ = kDemanding.contains(small);
    last_sign_ = ' ';
    after_select_ = small == "select" || small == "distinct" || small == "all";
    if (is_digit(word[0]) && at_ + length + 1 < text_.size() && text_[at_ + length] == '.' &&
        is_digit(text_[at_ + length + 1])) {
      length += 1 + word_at(text_, at_ + length + 1).size();
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
      if ((c == '.' || c == ':') && is_space(next_char())) return true;
      if (c == '?' || (c == '!' && next_char() != '=')) return true;
    }
    if (c == '(') ++depth_;
    if (c == ')') --depth_;
    demanding_ = c != ')' && !(c == '*' && star_is_all);
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
  // The last token where it was a sign, else a space.
  char last_sign_ = ' ';
};

}  // namespace

Statement scan_statement(std::string_view text, std::size_t start,
                         const Surroundings& surroundings) {
  return StatementScanner(text, start, surroundings).scan();
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
