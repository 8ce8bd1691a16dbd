#include "sqlparse_tokens.hpp"

#include <algorithm>
#include <cctype>

namespace tradeoff::sql {
namespace {

using Kind = SqlparseToken::Kind;

bool word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) || c == '_' || byte > 0x7f;
}
bool letter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalpha(byte) || byte > 0x7f;
}
bool digit(char c) {
  return c >= '0' && c <= '9';
}
bool blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}

  std::vector<SqlparseToken> run() {
    while (at_ < sql_.size()) {
      const auto [kind, end] = next();
      tokens_.push_back({kind, sql_.substr(at_, end - at_)});
      at_ = end;
    }
    return std::move(tokens_);
  }

 private:
  struct Cut {
    Kind kind;
    std::size_t end;
  };

  char peek(std::size_t i) const { return i < sql_.size() ? sql_[i] : '\0'; }
  std::size_t word_end(std::size_t i) const {
    while (i < sql_.size() && word_byte(sql_[i])) ++i;
    return i;
  }

  // The alternatives of sqlparse's SQL_REGEX in its order.
  Cut next() const {
    const char c = sql_[at_];
    const std::string_view two = sql_.substr(at_, 2);
    if (two == "/*")
      if (const std::size_t close = sql_.find("*/", at_ + 2); close != std::string_view::npos)
        return {Kind::comment, close + 2};
    if (two == "--" || two == "# ") {
      const std::size_t end = sql_.find_first_of("\r\n", at_);
      if (end == std::string_view::npos) return {Kind::comment, sql_.size()};
      return {Kind::comment, end + (sql_.substr(end, 2) == "\r\n" ? 2 : 1)};
    }
    if (two == "\r\n") return {Kind::newline, at_ + 2};
    if (c == '\r' || c == '\n') return {Kind::newline, at_ + 1};
    if (blank(c)) return {Kind::blank, at_ + 1};
    if (two == ":=" || two == "::") return {Kind::other, at_ + 2};
    if (c == '*') return {Kind::other, at_ + 1};
    if (c == '`')
      if (const std::size_t end = quoted_end('`', false)) return {Kind::other, end};
    if (c == '?') return {Kind::other, at_ + 1};
    if (two == "%s") return {Kind::other, at_ + 2};
    if ((c == '$' || c == ':') && word_byte(peek(at_ + 1)) &&
        (at_ == 0 || !word_byte(sql_[at_ - 1])))
      return {Kind::other, word_end(at_ + 1)};
    if (c == '\\' && word_byte(peek(at_ + 1))) return {Kind::other, word_end(at_ + 1)};
    if (c == '@' || c == '#') {
      const std::size_t start = at_ + (two == "##" ? 2 : 1);
      if (letter(peek(start)) && word_byte(peek(start + 1))) return {Kind::other, word_end(start)};
    }
    if (letter(c)) return {Kind::other, plain_word_end()};
    if (const std::size_t end = number_end()) return {Kind::other, end};
    if (c == '\'' || c == '"')
      if (const std::size_t end = quoted_end(c, true)) return {Kind::string, end};
    if (c == '[' &&
        (at_ == 0 || (!word_byte(sql_[at_ - 1]) && sql_[at_ - 1] != ']' && sql_[at_ - 1] != ')'))) {
      const std::size_t close = sql_.find_first_of("[]", at_ + 1);
      if (close != std::string_view::npos && sql_[close] == ']' && close > at_ + 1)
        return {Kind::other, close + 1};
    }
    if (word_byte(c)) return {Kind::other, plain_word_end()};
    if (two == "->" || two == "@>" || two == "<@" || two == "#-") {
      const bool longer = two == "->" && peek(at_ + 2) == '>';
      return {Kind::other, at_ + (longer ? 3 : 2)};
    }
    if (c == '-') return {Kind::other, at_ + 1};
    for (const std::string_view run : {std::string_view("<>=~!"), std::string_view("+/@#%^&|-")})
      if (run.find(c) != std::string_view::npos)
        return {Kind::other, std::min(sql_.find_first_not_of(run, at_), sql_.size())};
    return {Kind::other, at_ + 1};
  }

  // A word goes on over $ and #, unless a "." or "(" follows the letters (then it is a name).
  std::size_t plain_word_end() const {
    const std::size_t letters = word_end(at_);
    std::size_t end = letters;
    while (end < sql_.size() && (word_byte(sql_[end]) || sql_[end] == '$' || sql_[end] == '#'))
      ++end;
    return end;
  }

  // -?digits with fraction or exponent; a letter right after takes the last digit away from it.
  std::size_t number_end() const {
    const std::size_t start = at_ + (sql_[at_] == '-' ? 1 : 0);
    if (peek(start) == '0' && (peek(start + 1) == 'x' || peek(start + 1) == 'X') &&
        std::isxdigit(static_cast<unsigned char>(peek(start + 2)))) {
      std::size_t end = start + 2;
      while (std::isxdigit(static_cast<unsigned char>(peek(end)))) ++end;
      return end;
    }
    std::size_t whole = start;
    while (digit(peek(whole))) ++whole;
    std::size_t end = whole;
    if (peek(end) == '.' && (whole > start || digit(peek(end + 1)))) {
      ++end;
      while (digit(peek(end))) ++end;
    }
    if (end == start) return 0;
    const std::size_t exponent = end + 1 + (peek(end + 1) == '-' ? 1 : 0);
    const bool fraction = end == whole || peek(end - 1) != '.';
    if (whole > start && fraction && (peek(end) == 'e' || peek(end) == 'E') &&
        digit(peek(exponent))) {
      end = exponent;
      while (digit(peek(end))) ++end;
      return end;
    }
    if (!letter(peek(end)) && peek(end) != '_') return end;
    if (end > start + 1) return end - 1;
    return 0;
  }

  // Closing quote with doubled quotes (and backslashed ones) inside; where the text ends first, the
  // last quote that could have closed it does, as a backtracking regex finds. 0: nothing closes it.
  std::size_t quoted_end(char quote, bool backslash) const {
    std::size_t fallback = 0;
    for (std::size_t i = at_ + 1; i < sql_.size(); ++i) {
      if (backslash && sql_[i] == '\\' && peek(i + 1) == quote) {
        fallback = i + 2;
        ++i;
      } else if (sql_[i] == quote) {
        if (peek(i + 1) != quote) return i + 1;
        fallback = i + 1;
        ++i;
      }
    }
    return fallback;
  }

  std::string_view sql_;
  std::size_t at_ = 0;
  std::vector<SqlparseToken> tokens_;
};

}  // namespace

std::vector<SqlparseToken> sqlparse_tokens(std::string_view sql) {
  return Lexer(sql).run();
}

}  // namespace tradeoff::sql
