#include "sqlite_tokens.hpp"

#include <cctype>

namespace tradeoff::sql {
namespace {

bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

// SQLite: letters, digits, _, $ and every byte above 0x7f.
bool name_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) || c == '_' || c == '$' || byte > 0x7f;
}

bool digit(char c) {
  return c >= '0' && c <= '9';
}

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// End of the token in quotes that starts at `i`; `close` ends it, doubled it stands for itself.
std::size_t quoted_end(std::string_view sql, std::size_t i, char close, bool doubles) {
  for (++i; i < sql.size(); ++i) {
    if (sql[i] != close) continue;
    if (doubles && i + 1 < sql.size() && sql[i + 1] == close) {
      ++i;
      continue;
    }
    return i + 1;
  }
  return sql.size();
}

std::size_t number_end(std::string_view sql, std::size_t i) {
  const auto at = [&](std::size_t k) { return k < sql.size() ? sql[k] : '\0'; };
  if (at(i) == '0' && lower(at(i + 1)) == 'x') {
    i += 2;
    while (std::isxdigit(static_cast<unsigned char>(at(i)))) ++i;
  } else {
    while (digit(at(i))) ++i;
    if (at(i) == '.') ++i;
    while (digit(at(i))) ++i;
    if (lower(at(i)) == 'e' &&
        (digit(at(i + 1)) || ((at(i + 1) == '+' || at(i + 1) == '-') && digit(at(i + 2))))) {
      i += 2;
      while (digit(at(i))) ++i;
    }
  }
  // "12ab" is one bad token, not two good ones.
  while (i < sql.size() && name_byte(sql[i])) ++i;
  return i;
}

// End of the comment or blanks that start at `i`; `i` itself where there are none.
std::size_t blank_end(std::string_view sql, std::size_t i) {
  if (blank(sql[i])) return i + 1;
  if (sql.substr(i, 2) == "--") return std::min(sql.find('\n', i), sql.size());
  if (sql.substr(i, 2) == "/*") {
    const std::size_t close = sql.find("*/", i + 2);
    return close == std::string_view::npos ? sql.size() : close + 2;
  }
  return i;
}

}  // namespace

bool Token::is_word(std::string_view lower_case) const {
  if (kind != Kind::word || text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (lower(text[i]) != lower_case[i]) return false;
  return true;
}

std::vector<Token> sqlite_tokens(std::string_view sql) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < sql.size();) {
    if (const std::size_t after = blank_end(sql, i); after > i) {
      i = after;
      continue;
    }
    const char c = sql[i];
    Token::Kind kind = Token::Kind::symbol;
    std::size_t end = i + 1;
    if (c == '\'') {
      kind = Token::Kind::string;
      end = quoted_end(sql, i, '\'', true);
    } else if (c == '"' || c == '`') {
      kind = Token::Kind::quoted_name;
      end = quoted_end(sql, i, c, true);
    } else if (c == '[') {
      kind = Token::Kind::quoted_name;
      end = quoted_end(sql, i, ']', false);
    } else if (digit(c) || (c == '.' && i + 1 < sql.size() && digit(sql[i + 1]))) {
      kind = Token::Kind::number;
      end = number_end(sql, i);
    } else if (c == '?' || c == ':' || c == '@' || c == '$' || c == '#') {
      kind = Token::Kind::variable;
      while (end < sql.size() && name_byte(sql[end])) ++end;
    } else if (name_byte(c)) {
      kind = Token::Kind::word;
      while (end < sql.size() && name_byte(sql[end])) ++end;
    } else {
      const std::string_view two = sql.substr(i, 2);
      for (const char* pair : {"<=", ">=", "<>", "!=", "==", "||", "<<", ">>", "->"})
        if (two == pair) end = i + 2;
    }
    tokens.push_back({kind, sql.substr(i, end - i)});
    i = end;
  }
  return tokens;
}

std::string unquoted(std::string_view token) {
  if (token.size() < 2) return std::string(token);
  const char open = token.front(), close = open == '[' ? ']' : open;
  if (open != '"' && open != '`' && open != '\'' && open != '[') return std::string(token);
  if (token.back() == close) token.remove_suffix(1);
  token.remove_prefix(1);
  std::string text;
  for (std::size_t i = 0; i < token.size(); ++i) {
    text.push_back(token[i]);
    if (token[i] == close && open != '[' && i + 1 < token.size() && token[i + 1] == close) ++i;
  }
  return text;
}

}  // namespace tradeoff::sql
